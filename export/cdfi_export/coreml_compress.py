"""Core ML programs with smaller weights: 8-bit integers, or a palette of 64 values.

Weights only: they are unpacked when the model is loaded, and computing stays as in ``float16``.
64 values by measurement (``cdfi_mobile``, 448x256, 11 scenes of Middlebury-OTHER, the evaluator):

    ========  ====  ====================  ========================================
    weights   MB    PSNR to torch, least  dB lost to the true frames, mean (worst)
    ========  ====  ====================  ========================================
    float16   1.47  76.7                  0.000 (0.003)
    int8      0.86  58.6                  -0.004 (0.009)
    256       0.87  56.7                  -0.011 (0.008)
    64        0.71  46.1                  0.002 (0.085)
    16        0.55  33.0                  0.083 (0.572)
    ========  ====  ====================  ========================================
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from cdfi_runtime.errors import ArtifactError
from numpy.typing import NDArray
from torch import nn

from cdfi_export.coreml_check import operations
from cdfi_export.quiet import quiet

PALETTE_BITS = {"palette6": 6}
_ROUNDS = 40


def compress(model: Any, module: nn.Module, sensitive: Sequence[str], precision: str) -> Any:
    """``model`` with the weights of its convolutions in ``precision``.

    Only weights of the module's own layers are touched: the fixed filters of the cost volumes hold
    positions.

    Args:
        model: Written in float16.
        module: What it was traced from.
        sensitive: Last names of layers that keep their weights.
        precision: ``int8``, one scale for each output channel, or one of :data:`PALETTE_BITS`.

    Raises:
        ArtifactError: the program does not name its weights after the module's.
    """
    names = weight_names(module, sensitive)
    constants = {item.outputs[0].name for item in operations(model) if item.type == "const"}
    if missing := [name for name in names if name not in constants]:
        raise ArtifactError(
            f"the weights for {precision} are not found in the Core ML program",
            expected=f"a constant for each of {len(names)} layers",
            got=f"none named {missing[0]}, and {len(missing) - 1} more",
            fix="use the versions of torch and coremltools that constraints.txt names",
        )
    with quiet():
        from coremltools.optimize import coreml

        if precision == "int8":
            method = coreml.linear_quantize_weights
            config = coreml.OpLinearQuantizerConfig(mode="linear_symmetric", weight_threshold=0)
        else:
            bits = PALETTE_BITS[precision]
            method = coreml.palettize_weights
            config = coreml.OpPalettizerConfig(
                mode="custom", lut_function=lambda weight: palette(weight, bits), weight_threshold=0
            )
        named = dict.fromkeys(names, config)
        return method(model, coreml.OptimizationConfig(op_name_configs=named))


def weight_names(module: nn.Module, sensitive: Sequence[str]) -> list[str]:
    """Names of the constants that hold the weights of convolutions, sensitive layers left out.

    Of layers with equal weights the first, as the converter merges them.
    """
    names: dict[bytes, str] = {}
    for name, layer in module.named_modules():
        if not isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            continue
        content = str(layer.weight.shape).encode() + layer.weight.detach().numpy().tobytes()
        constant = f"p_{name.replace('.', '_')}_weight_to_fp16"
        first = names.setdefault(content, constant)
        if name.rsplit(".", 1)[-1] in sensitive and first == constant:
            names[content] = ""
    return [name for name in names.values() if name]


def palette(
    weight: NDArray[np.floating[Any]], bits: int
) -> tuple[NDArray[np.floating[Any]], NDArray[np.uint8]]:
    """``2 ** bits`` values and each weight's index: Lloyd's algorithm, begun at quantiles.

    Args:
        weight: Any shape.
        bits: 1 to 8.

    Returns:
        Values in ascending order, in the weight's data type, and flat indices.
    """
    flat = weight.astype(np.float64).ravel()
    # From midway between the quantiles, where values lie dense, and a uniform grid, for the tails.
    quantiles = np.quantile(flat, (np.arange(1 << bits) + 0.5) / (1 << bits))
    values = np.sort((quantiles + np.linspace(flat.min(), flat.max(), 1 << bits)) / 2)
    for _ in range(_ROUNDS):
        places = _nearest(flat, values)
        sums = np.bincount(places, flat, minlength=values.size)
        counts = np.bincount(places, minlength=values.size)
        # A value that nothing chose stays where it is.
        values = np.sort(np.where(counts > 0, sums / np.maximum(counts, 1), values))
    stored = values.astype(weight.dtype)
    return stored, _nearest(flat, stored.astype(np.float64)).astype(np.uint8)


def _nearest(flat: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.searchsorted((values[1:] + values[:-1]) / 2, flat)
