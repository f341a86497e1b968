"""From a torch network to an ONNX model in memory."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from cdfi_model.warp import WARPS
from cdfi_runtime.errors import ArtifactError

from cdfi_export.format_spec import INPUT_NAMES, OUTPUT_NAME
from cdfi_export.frame_size import FrameSize
from cdfi_export.onnx_native import translations

if TYPE_CHECKING:
    import onnx
    from cdfi_model.network import InterpolationNetwork


def trace(network: InterpolationNetwork, size: FrameSize | None, opset: int) -> onnx.ModelProto:
    """The ONNX model of ``network`` for frames of ``size``, or of every size when ``None``.

    Raises:
        ArtifactError: torch cannot express the network in this opset.
    """
    multiple = network.spec.multiple
    # A dynamic trace needs sides that differ from each other and from one multiple, or torch
    # takes them for constants.
    sample = size or FrameSize(3 * multiple, 2 * multiple)
    frame = torch.zeros(1, 3, sample.height, sample.width)
    axes = None
    if size is None:
        rows, columns = torch.export.Dim("h", min=1), torch.export.Dim("w", min=1)
        axes = tuple({2: rows * multiple, 3: columns * multiple} for _ in INPUT_NAMES)
    native = WARPS.get(network.formulation).native
    try:
        with torch.no_grad(), _quiet():
            program = torch.onnx.export(
                network.eval(),
                (frame, frame.clone()),
                dynamo=True,
                opset_version=opset,
                input_names=list(INPUT_NAMES),
                output_names=[OUTPUT_NAME],
                dynamic_shapes=axes,
                custom_translation_table=translations() if native else None,
                external_data=False,
                verbose=False,
            )
    except torch.onnx.errors.OnnxExporterError as error:
        raise ArtifactError(
            f"torch cannot export {network.spec.name} with the warp '{network.formulation}'",
            got=str(error).strip().splitlines()[-1],
            fix="choose another --warp or --opset",
        ) from error
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    written = next(entry.version for entry in model.opset_import if entry.domain == "")
    if written != opset:
        raise ArtifactError(
            "torch could not write the wanted operator set",
            expected=f"opset {opset}",
            got=f"opset {written}",
            fix=f"export with --opset {written}",
        )
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide the exporter's remarks on its own internals; errors still come as exceptions."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
