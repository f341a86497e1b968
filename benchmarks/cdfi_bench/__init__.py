"""Measure artifacts: parity, quality, latency; and report it.

Importing this package loads no heavy library.
"""
