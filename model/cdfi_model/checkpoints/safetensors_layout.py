"""The bytes of a safetensors file: header length, JSON header, data.

The library's own writer keeps the metadata in a hash map, so that its bytes vary from run to run;
weights are named by their sha256 here.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

_DTYPES = {
    torch.float32: "F32",
    torch.float16: "F16",
    torch.float64: "F64",
    torch.int64: "I64",
    torch.uint8: "U8",
}


def serialize(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """A file of contiguous CPU tensors; the same content gives the same bytes."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    chunks: list[bytes] = []
    end = 0
    # Wide types first, as the library does: then each tensor is aligned to its own type.
    for name in sorted(tensors, key=lambda name: (-tensors[name].element_size(), name)):
        data = tensors[name].numpy().tobytes()
        start, end = end, end + len(data)
        chunks.append(data)
        header[name] = {
            "dtype": _DTYPES[tensors[name].dtype],
            "shape": list(tensors[name].shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join((struct.pack("<Q", len(text)), text, *chunks))
