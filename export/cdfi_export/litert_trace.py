"""From a torch network to a float32 TFLite model in memory."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from cdfi_model.warp import WARPS
from cdfi_runtime.errors import ArtifactError, MissingDependencyError, first_line
from torch import Tensor, nn

from cdfi_export.frame_size import FrameSize
from cdfi_export.litert_native import teach_converter, to_custom_operators
from cdfi_export.quiet import quiet

if TYPE_CHECKING:
    from cdfi_model.network import InterpolationNetwork


class ChannelsLast(nn.Module):
    """The network for frames of ``(1, H, W, 3)``, as phones hold them."""

    def __init__(self, network: InterpolationNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, frame0: Tensor, frame2: Tensor) -> Tensor:
        """The middle frame, ``(1, H, W, 3)``."""
        planes = (frame.permute(0, 3, 1, 2) for frame in (frame0, frame2))
        middle: Tensor = self.network(*planes)
        return middle.permute(0, 2, 3, 1)


def trace(network: InterpolationNetwork, size: FrameSize | None) -> bytes:
    """The TFLite model of ``network`` for frames of ``size``.

    Raises:
        ArtifactError: the converter cannot write the network.
        MissingDependencyError: litert-torch is not installed.
    """
    assert size is not None, "the format has no dynamic sizes"
    try:
        with quiet():
            import litert_torch

            litert_torch.config.show_progress = False
    except ImportError as error:
        raise MissingDependencyError(
            "litert_torch", extra="litert", needed_for="the format 'litert'"
        ) from error
    fused = WARPS.get(network.formulation).native
    if fused:
        teach_converter()
    frame = torch.zeros(1, size.height, size.width, 3)
    try:
        with torch.no_grad(), quiet(), tempfile.TemporaryDirectory() as folder:
            model = litert_torch.convert(
                ChannelsLast(network).eval(),
                sample_kwargs={"frame0": frame, "frame2": frame.clone()},
            )
            file = Path(folder) / "model.tflite"
            model.export(str(file))
            content = file.read_bytes()
    except (RuntimeError, ValueError, NotImplementedError) as error:
        raise ArtifactError(
            f"LiteRT's converter cannot write {network.spec.name} with the warp "
            f"'{network.formulation}'",
            got=first_line(error),
            fix="choose another --warp",
        ) from error
    return to_custom_operators(content) if fused else content
