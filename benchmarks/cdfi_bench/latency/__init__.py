"""Latency of artifacts on devices: how it is asked for, measured, and turned into rows."""
