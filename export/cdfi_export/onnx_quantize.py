"""Convolutions of an ONNX model as 8-bit integers, by ONNX Runtime's quantizer."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from cdfi_runtime.errors import ArtifactError, InputError, MissingDependencyError, first_line
from cdfi_runtime.ort_operators import has_native_operators, register_operators

from cdfi_export.format_spec import INPUT_NAMES
from cdfi_export.quiet import quiet

if TYPE_CHECKING:
    from collections.abc import Collection

    from cdfi_export.format_spec import FramePair

_WEIGHT = ".weight"


def layers(model: onnx.ModelProto) -> dict[str, str]:
    """Nodes with the torch layer that each computes: ``Conv`` with learned weights only.

    The exporter names a weight after its parameter, and onnxslim keeps that. Transposed
    convolutions are left out: ONNX Runtime has no integer kernel for them.
    """
    return {
        node.name: node.input[1].removesuffix(_WEIGHT)
        for node in model.graph.node
        if node.op_type == "Conv" and node.input[1].endswith(_WEIGHT)
    }


def to_int8(
    model: onnx.ModelProto, calibration: Sequence[FramePair], kept: Collection[str]
) -> onnx.ModelProto:
    """``model`` with the convolutions outside ``kept`` between QuantizeLinear and DequantizeLinear.

    Weights are signed by one scale per output channel, activations unsigned by the smallest and
    largest value seen on ``calibration``.

    Args:
        model: float32.
        calibration: Frame pairs ``(1, H, W, 3)`` in [0, 1] of the graph's size.
        kept: Full names of layers that stay float32.

    Raises:
        InputError: no calibration pairs.
        ArtifactError: no convolution is left, or the quantizer cannot read the graph.
        MissingDependencyError: onnxruntime is not installed.
    """
    if not calibration:
        raise InputError(
            "int8 needs frames for the ranges of activations",
            expected="at least one calibration pair",
            got="none",
            fix="give --calibration a folder of image sets or a video",
        )
    try:
        from onnxruntime import quantization
    except ImportError as error:
        raise MissingDependencyError(
            "onnxruntime", extra="export", needed_for="the precision 'int8'"
        ) from error
    nodes = [node for node, layer in layers(model).items() if layer not in kept]
    if not nodes:
        raise ArtifactError(
            "no convolution is left to be quantized",
            got=f"all of {len(layers(model))} are kept in float32",
            fix="export with --precision float16",
        )

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        """Hands the pairs to the quantizer one by one."""

        def __init__(self) -> None:
            self._feeds = iter([_feed(pair) for pair in calibration])

        def get_next(self) -> Any:
            return next(self._feeds, None)

    with tempfile.TemporaryDirectory() as folder:
        plain, result = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, plain)
        try:
            with quiet(), _native_operators(model):
                quantization.quantize_static(
                    str(plain),
                    str(result),
                    Reader(),
                    quant_format=quantization.QuantFormat.QDQ,
                    op_types_to_quantize=["Conv"],
                    nodes_to_quantize=nodes,
                    per_channel=True,
                    activation_type=quantization.QuantType.QUInt8,
                    weight_type=quantization.QuantType.QInt8,
                )
        except (RuntimeError, ValueError) as error:
            raise ArtifactError(
                "ONNX Runtime's quantizer cannot write this graph",
                got=first_line(error),
                fix="export with --precision float16, or choose another --warp",
            ) from error
        quantized = onnx.load(result)
    quantized.producer_name, quantized.producer_version = (
        model.producer_name,
        model.producer_version,
    )
    return quantized


@contextmanager
def _native_operators(model: onnx.ModelProto) -> Iterator[None]:
    """Let the quantizer run a graph with native operators; it takes no session options."""
    if not has_native_operators({node.op_type for node in model.graph.node}):
        yield
        return
    import onnxruntime
    from onnxruntime.quantization.calibrate import CalibraterBase

    def create(calibrater: Any) -> None:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        register_operators(options)
        calibrater.infer_session = onnxruntime.InferenceSession(
            calibrater.augmented_model_path, options, providers=calibrater.execution_providers
        )

    original = CalibraterBase.create_inference_session
    CalibraterBase.create_inference_session = create
    try:
        yield
    finally:
        CalibraterBase.create_inference_session = original


def _feed(pair: FramePair) -> dict[str, Any]:
    planes = (np.ascontiguousarray(frame.transpose(0, 3, 1, 2)) for frame in pair)
    return dict(zip(INPUT_NAMES, planes, strict=True))
