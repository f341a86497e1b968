"""Losses, one file each; :mod:`cdfi_model.training.losses.objective` puts them together."""
