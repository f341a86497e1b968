"""Folders that a device can run a graph from: the runner, ONNX Runtime and all they load.

``build.build_bundle`` makes one, ``folder.open_bundle`` reads one and checks every byte.
"""
