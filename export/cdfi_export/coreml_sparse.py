"""Weights of a Core ML program as bitmasks and the values that are not zero.

Core ML makes them dense when it loads the program (``constexpr_sparse_to_dense``, iOS 16). Integers
and palettes without their zeros need operators of iOS 18, beyond what our programs ask for.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from cdfi_runtime.errors import ArtifactError
from torch import nn

from cdfi_export.coreml_check import operations
from cdfi_export.quiet import quiet
from cdfi_export.sparse_form import Saving

HOW = "as bitmasks and values"
# Every array of the weights file starts at a multiple of 64 bytes, behind 64 that describe it.
_ALIGNMENT = 64


def sparsify(model: Any, module: nn.Module, precision: str) -> tuple[Any, Saving]:
    """``model`` with the weights of its convolutions sparse that are smaller so.

    A weight that is zero throughout stays: Core ML has no arrays without values.

    Args:
        model: Written in ``precision``.
        module: What it was traced from.
        precision: ``float32`` or ``float16``.

    Raises:
        ArtifactError: the program does not name its weights after the module's.
    """
    constants = {item.outputs[0].name for item in operations(model) if item.type == "const"}
    half = precision == "float16"
    names, layers, before, after, left = [], 0, 0, 0, 0
    for name, layer in module.named_modules():
        constant = f"p_{name.replace('.', '_')}_weight" + "_to_fp16" * half
        # Of equal weights the program has the first one only.
        if not isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) or constant not in constants:
            continue
        layers += 1
        weight = layer.weight.detach().numpy().astype(np.float16 if half else np.float32)
        ones = int(np.count_nonzero(weight))
        values, mask = ones * weight.itemsize, math.ceil(weight.size / 8)
        if ones and _stored(values) + _stored(mask) < _stored(weight.nbytes):
            names.append(constant)
            before, after = before + weight.nbytes, after + values + mask
        else:
            left += weight.nbytes
    if not layers:
        raise ArtifactError(
            "the weights are not found in the Core ML program",
            expected="constants named after the network's layers",
            got=", ".join(sorted(constants)[:3]),
            fix="use the versions of torch and coremltools that constraints.txt names",
        )
    saving = Saving(len(names), layers - len(names), before, after, left)
    if not names:
        return model, saving
    with quiet():
        from coremltools.optimize import coreml

        config = coreml.OpThresholdPrunerConfig(
            threshold=0.0, minimum_sparsity_percentile=0.0, weight_threshold=0
        )
        named = dict.fromkeys(names, config)
        return coreml.prune_weights(model, coreml.OptimizationConfig(op_name_configs=named)), saving


def _stored(size: int) -> int:
    return _ALIGNMENT * (1 + math.ceil(size / _ALIGNMENT))
