"""Turn a network into a verified artifact with its manifest.

Importing this package loads no heavy library.
"""
