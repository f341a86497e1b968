"""The AdaCoF and CDFI networks: specs, warp, checkpoints and training.

Importing this package loads no heavy library; torch comes with the first network.
"""
