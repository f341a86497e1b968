"""Makes a worse copy of an ONNX artifact, for `make compare-check`: about 1 dB and 10 % larger.

Usage: python tests/plant_worse.py ARTIFACT FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
from cdfi_runtime.files import sha256_file
from cdfi_runtime.manifest import load_manifest
from onnx import numpy_helper

NOISE = 0.016  # of each weight tensor's deviation: 1.07 dB of the shipped network


def main(source: Path, folder: Path) -> None:
    random = np.random.default_rng(0)
    model, manifest = onnx.load(source), load_manifest(source)
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.ndim == 4 and values.dtype == np.float32:
            noise = NOISE * values.std() * random.standard_normal(values.shape)
            noisy = (values + noise).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(noisy, tensor.name))
    padding = model.metadata_props.add()
    padding.key, padding.value = "padding", "0" * (source.stat().st_size // 10)
    folder.mkdir(parents=True, exist_ok=True)
    planted = folder / source.name
    onnx.save(model, planted)
    changed = {"bytes": planted.stat().st_size, "sha256": sha256_file(planted)}
    facts = manifest.artifact.model_copy(update=changed)
    manifest.model_copy(update={"artifact": facts}).save(planted)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
