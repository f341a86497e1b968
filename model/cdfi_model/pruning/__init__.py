"""Compression: prune, look at densities, reshape, retrain."""
