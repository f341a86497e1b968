"""TFLite models in narrower precisions, by the AI Edge quantizer."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdfi_runtime.errors import MissingDependencyError

from cdfi_export.format_spec import INPUT_NAMES
from cdfi_export.litert_file import SIGNATURE
from cdfi_export.litert_half import hold_half
from cdfi_export.quiet import quiet

if TYPE_CHECKING:
    from cdfi_export.format_spec import FramePair

_CONVOLUTIONS = ("CONV_2D", "CONV_2D_TRANSPOSE")


def to_precision(
    content: bytes,
    precision: str,
    calibration: Sequence[FramePair] = (),
    sensitive: Sequence[str] = (),
) -> bytes:
    """``content`` with its convolutions in ``precision``; positions and samples stay float32.

    ``float16`` holds weights in half precision, those of native operators too. ``int8`` computes
    convolutions in integers, weights by one scale a channel and activations by ranges seen on
    ``calibration``.

    Args:
        content: A float32 TFLite file.
        precision: ``float32`` (nothing to do), ``float16`` or ``int8``.
        calibration: Frame pairs ``(1, H, W, 3)`` in [0, 1] of the graph's size, for ``int8``.
        sensitive: Last names of layers that stay in floating point.
    """
    if precision == "float32":
        return content
    try:
        from ai_edge_quantizer import algorithm_manager, qtyping, quantizer
    except ImportError as error:
        raise MissingDependencyError(
            "ai_edge_quantizer", extra="litert", needed_for=f"the precision '{precision}'"
        ) from error
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "float32.tflite"
        plain.write_bytes(content)
        tool = quantizer.Quantizer(str(plain))
        names = [getattr(qtyping.TFLOperationName, name) for name in _CONVOLUTIONS]
        calibrated = None
        if precision == "float16":
            for name in names:
                tool.add_weight_only_config(
                    ".*",
                    name,
                    num_bits=16,
                    algorithm_key=algorithm_manager.AlgorithmName.FLOAT_CASTING,
                )
        else:
            # Operators carry the names of their layers; those of the warp and of the cost volumes
            # come from no layer and stay as they are.
            kept = "|".join(sensitive) or "$^"
            layers = rf"^(?!.*_({kept});).*torch\.nn\.modules\.conv.*"
            for name in names:
                tool.add_static_config(layers, name, activation_num_bits=8, weight_num_bits=8)
            feeds = {SIGNATURE: [_feed(pair) for pair in calibration]}
            with quiet(), redirect_stdout(io.StringIO()):
                calibrated = tool.calibrate(feeds)
        with quiet(), redirect_stdout(io.StringIO()):  # it prints sizes and progress bars
            result = tool.quantize(calibrated)
        made = bytes(result.quantized_model)
        return hold_half(made) if precision == "float16" else made


def _feed(pair: FramePair) -> dict[str, Any]:
    return dict(zip(INPUT_NAMES, pair, strict=True))
