"""The training objective: a network and every loss that the config asks for, as one module."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from cdfi_model.network import InterpolationNetwork
from cdfi_model.training.batches import Batch
from cdfi_model.training.config import Losses
from cdfi_model.training.losses.offsets import offset_loss, total_variation
from cdfi_model.training.losses.photometric import charbonnier
from cdfi_model.training.losses.teacher import Teacher, open_teacher
from cdfi_model.training.losses.vgg import VggFeatures

# Share of the frame before the synthesis, so that the warp stays good by itself.
_WARPED_SHARE = 0.2


class Terms(NamedTuple):
    """Scalars. ``picture`` holds all losses with their weights but the offset supervision,
    whose weight fades during a stage.
    """

    picture: Tensor
    offsets: Tensor


class Objective(nn.Module):
    """Its ``forward`` is what a distributed wrapper must see: everything gradients flow through."""

    def __init__(self, network: InterpolationNetwork, losses: Losses, device: torch.device) -> None:
        super().__init__()
        self.network = network
        self._losses = losses
        self._vgg = VggFeatures(losses.vgg_weights) if losses.vgg_weights and losses.vgg else None
        self._teacher: Teacher | None = None
        if losses.teacher and losses.teacher_weight:
            self._teacher = open_teacher(losses.teacher, device)

    def forward(self, batch: Batch, taps: bool, supervise: bool) -> Terms:
        """Losses on a batch.

        Args:
            batch: On the network's device.
            taps: See :meth:`InterpolationNetwork.describe`.
            supervise: False leaves the offset supervision out (zero), for a weight of zero.
        """
        output = self.network.describe(batch.frame0, batch.frame2, taps=taps)
        picture = charbonnier(output.frame, batch.middle)
        if taps:
            warped = charbonnier(output.warped, batch.middle)
            picture = (1 - _WARPED_SHARE) * picture + _WARPED_SHARE * warped
        if self._losses.total_variation:
            picture = picture + self._losses.total_variation * total_variation(output.offsets[-1])
        if self._vgg is not None:
            picture = picture + self._losses.vgg * self._vgg.distance(output.frame, batch.middle)
        if self._teacher is not None:
            taught = self._teacher(batch.frame0, batch.frame2)
            picture = picture + self._losses.teacher_weight * charbonnier(output.frame, taught)
        if not supervise:
            return Terms(picture, picture.new_zeros(()))
        frames = (batch.frame0, batch.middle, batch.frame2)
        return Terms(picture, offset_loss(output.offsets, frames, batch.flow))
