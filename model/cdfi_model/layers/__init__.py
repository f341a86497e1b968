"""Torch modules that the networks share."""
