"""Training data: reading clips, choosing triplets and packing them for fast reading."""
