"""Weights files: our safetensors and the published ``.pth`` checkpoints."""
