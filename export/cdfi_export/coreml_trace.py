"""From a torch network to a Core ML program."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from cdfi_runtime.errors import ArtifactError, MissingDependencyError, first_line
from torch import Tensor, nn

from cdfi_export.format_spec import INPUT_NAMES, OUTPUT_NAME
from cdfi_export.frame_size import MAX_SIDE, FrameSize
from cdfi_export.quiet import quiet

if TYPE_CHECKING:
    from cdfi_model.network import InterpolationNetwork

# What may run in half precision. Positions, costs, samples and their sums stay single: a position
# in half precision is off by tenths of a pixel at phone sizes.
HALF = ("conv", "conv_transpose", "leaky_relu", "relu", "sigmoid")
# A map of coremltools' own that it writes beside the program; no reader of ours wants it.
_DEBUG_MAP = "executorch_debug_handle_mapping.json"


class ImageOutput(nn.Module):
    """A network whose frame is an 8-bit picture: clipped, scaled to 0 to 255, and rounded.

    Rounded here, so that it does not matter whether a runtime rounds or cuts when it makes bytes.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, frame0: Tensor, frame2: Tensor) -> Tensor:
        """``(B, 3, H, W)`` whole numbers in [0, 255]."""
        return torch.floor(self.network(frame0, frame2).clamp(0, 1) * 255 + 0.5)


def traced_module(network: InterpolationNetwork, images: bool) -> nn.Module:
    """What is traced for ``network``: itself, or with a last step for image outputs."""
    return ImageOutput(network) if images else network


def trace(
    network: InterpolationNetwork, size: FrameSize | None, precision: str, images: bool = False
) -> Any:
    """The Core ML model of ``network``, not yet saved.

    Args:
        network: In eval mode.
        size: Of the frames; ``None`` for every size up to 8192 pixels a side.
        precision: ``float32``; any other has half precision in convolutions.
        images: Inputs and output are RGB images, 0 to 255, instead of arrays in [0, 1].

    Raises:
        ArtifactError: the converter cannot write the network.
        MissingDependencyError: coremltools is not installed.
    """
    try:
        with quiet():
            import coremltools

            from cdfi_export import coreml_operators  # noqa: F401, registers what is missing
    except ImportError as error:
        raise MissingDependencyError(
            "coremltools", extra="coreml", needed_for="the format 'coreml'"
        ) from error
    rounding = coremltools.precision.FLOAT32
    if precision != "float32":
        rounding = coremltools.transform.FP16ComputePrecision(
            op_selector=lambda operation: operation.op_type in HALF
        )
    try:
        with torch.no_grad(), quiet(), _all_constants_shared() as passes:
            program = _program(traced_module(network, images).eval(), size, network.spec.multiple)
            return coremltools.convert(
                program.run_decompositions({}),
                inputs=_inputs(coremltools, size, network.spec.multiple, images),
                outputs=[
                    coremltools.ImageType(
                        name=OUTPUT_NAME, color_layout=coremltools.colorlayout.RGB
                    )
                    if images
                    else coremltools.TensorType(name=OUTPUT_NAME)
                ],
                minimum_deployment_target=coremltools.target.iOS16,
                compute_precision=rounding,
                convert_to="mlprogram",
                pass_pipeline=passes,
            )
    except (RuntimeError, ValueError, NotImplementedError) as error:
        raise ArtifactError(
            f"Core ML's converter cannot write {network.spec.name} with the warp "
            f"'{network.formulation}'",
            got=first_line(error),
            fix="choose another --warp",
        ) from error


def _program(module: nn.Module, size: FrameSize | None, multiple: int) -> Any:
    # A dynamic trace needs sides that differ from each other and from one multiple, or torch
    # takes them for constants.
    sample = size or FrameSize(3 * multiple, 2 * multiple)
    frame = torch.zeros(1, 3, sample.height, sample.width)
    axes = None
    if size is None:
        rows, columns = (torch.export.Dim(side, min=1) * multiple for side in ("h", "w"))
        axes = tuple({2: rows, 3: columns} for _ in INPUT_NAMES)
    return torch.export.export(module, (frame, frame.clone()), dynamic_shapes=axes)


def _inputs(coremltools: Any, size: FrameSize | None, multiple: int, images: bool) -> list[Any]:
    if size is None:
        limit = MAX_SIDE // multiple * multiple
        side = coremltools.RangeDim(multiple, limit, default=2 * multiple)
        shape = coremltools.Shape((1, 3, side, side))
    else:
        shape = (1, 3, size.height, size.width)
    if not images:
        return [coremltools.TensorType(name=name, shape=shape) for name in INPUT_NAMES]
    layout = coremltools.colorlayout.RGB
    return [
        coremltools.ImageType(name=name, shape=shape, scale=1 / 255, color_layout=layout)
        for name in INPUT_NAMES
    ]


@contextmanager
def _all_constants_shared() -> Iterator[Any]:
    """The converter's passes, with equal constants merged from one element on instead of 100.

    Most of a program's text are the arguments of slices, a few values said hundreds of times: it
    shrinks by two fifths. The pass keeps its threshold in the class, so it is put back.
    """
    import coremltools
    from coremltools.converters.mil.mil.passes.defs.cleanup import const_deduplication

    passes = coremltools.PassPipeline.DEFAULT
    passes.set_options("common::const_deduplication", {"const_threshold": 1})
    threshold = const_deduplication._const_threshold
    try:
        yield passes
    finally:
        const_deduplication._const_threshold = threshold


def save(model: Any, path: Path) -> None:
    """Write the package."""
    with quiet():
        model.save(str(path))
    (path / _DEBUG_MAP).unlink(missing_ok=True)
