"""From a torch network to a Core ML program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from cdfi_runtime.errors import ArtifactError, MissingDependencyError, first_line

from cdfi_export.format_spec import INPUT_NAMES, OUTPUT_NAME
from cdfi_export.frame_size import FrameSize
from cdfi_export.quiet import quiet

if TYPE_CHECKING:
    from cdfi_model.network import InterpolationNetwork

# What may run in half precision. Positions, costs, samples and their sums stay single: a position
# in half precision is off by tenths of a pixel at phone sizes.
HALF = ("conv", "conv_transpose", "leaky_relu", "relu", "sigmoid")


def trace(network: InterpolationNetwork, size: FrameSize | None, precision: str) -> Any:
    """The Core ML model of ``network`` for frames of ``size``, not yet saved.

    Args:
        network: In eval mode.
        size: Of the frames.
        precision: ``float32``, or ``float16`` for half precision in convolutions.

    Raises:
        ArtifactError: the converter cannot write the network.
        MissingDependencyError: coremltools is not installed.
    """
    assert size is not None, "the format has no dynamic sizes"
    try:
        with quiet():
            import coremltools
    except ImportError as error:
        raise MissingDependencyError(
            "coremltools", extra="coreml", needed_for="the format 'coreml'"
        ) from error
    frame = torch.zeros(1, 3, size.height, size.width)
    rounding = coremltools.precision.FLOAT32
    if precision == "float16":
        rounding = coremltools.transform.FP16ComputePrecision(
            op_selector=lambda operation: operation.op_type in HALF
        )
    try:
        with torch.no_grad(), quiet():
            program = torch.export.export(network.eval(), (frame, frame.clone()))
            return coremltools.convert(
                program.run_decompositions({}),
                inputs=[
                    coremltools.TensorType(name=name, shape=frame.shape) for name in INPUT_NAMES
                ],
                outputs=[coremltools.TensorType(name=OUTPUT_NAME)],
                minimum_deployment_target=coremltools.target.iOS16,
                compute_precision=rounding,
                convert_to="mlprogram",
            )
    except (RuntimeError, ValueError, NotImplementedError) as error:
        raise ArtifactError(
            f"Core ML's converter cannot write {network.spec.name} with the warp "
            f"'{network.formulation}'",
            got=first_line(error),
            fix="choose another --warp",
        ) from error


def check_positions(model: Any) -> None:
    """Refuse a program whose sampling positions or indices are not single precision.

    Raises:
        ArtifactError: one of them is; it is named.
    """
    from coremltools.converters.mil.mil import types

    for operation in model._mil_program.functions["main"].operations:
        if operation.op_type != "resample":
            continue
        kind = types.builtin_to_string(operation.inputs["coordinates"].dtype)
        if kind != "fp32":
            raise ArtifactError(
                "the converter rounded sampling positions",
                expected="fp32 coordinates in every resample",
                got=f"{kind} in {operation.name}",
            )


def save(model: Any, path: Path) -> None:
    """Write the package."""
    with quiet():
        model.save(str(path))
