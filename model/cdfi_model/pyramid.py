"""The network of :class:`cdfi_model.pyramid_spec.PyramidSpec`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cdfi_model.layers.cost_volume import symmetric_cost_volume
from cdfi_model.layers.offset_warp import offset_warp
from cdfi_model.network import InterpolationNetwork, NetworkOutput
from cdfi_model.warp import adacof_warp

if TYPE_CHECKING:
    from cdfi_model.pyramid_spec import PyramidSpec

_MEAN = 0.45
# The centre tap starts with about 0.9 of the weight, so that taps refine what the offsets found.
_CENTRE_LOGIT = 4.0


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.LeakyReLU(0.1, inplace=True))


def _double(tensor: Tensor) -> Tensor:
    return F.interpolate(tensor, scale_factor=2.0, mode="bilinear", align_corners=False)


class FeaturePyramid(nn.Module):
    """Features of one frame at 1/2, 1/4, ... of its size; both frames share the weights."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.levels = nn.ModuleList()
        inputs = 12
        for index, width in enumerate(widths):
            self.levels.append(
                nn.Sequential(_conv(inputs, width, 1 if index == 0 else 2), _conv(width, width))
            )
            inputs = width

    def forward(self, frame: Tensor) -> list[Tensor]:
        """``(B, 3, H, W)`` in [0, 1] to one ``(B, width, H / 2**n, W / 2**n)`` per level."""
        features = []
        current = F.pixel_unshuffle(frame - _MEAN, 2)
        for level in self.levels:
            current = level(current)
            features.append(current)
        return features


class OffsetDecoder(nn.Module):
    """Refines the offsets of one level from matching costs and moved features."""

    def __init__(self, inputs: int, width: int, depth: int) -> None:
        super().__init__()
        layers = [_conv(inputs, width)] + [_conv(width, width) for _ in range(depth - 1)]
        self.body = nn.Sequential(*layers)
        self.head = nn.Conv2d(width, 4, 3, 1, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    def forward(self, evidence: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden features ``(B, width, h, w)`` and the change of the offsets ``(B, 4, h, w)``."""
        hidden = self.body(evidence)
        return hidden, self.head(hidden)


class PyramidNetwork(InterpolationNetwork):
    """Offsets coarse to fine, then one AdaCoF warp per frame, then a residual at half size."""

    spec: PyramidSpec

    def __init__(self, spec: PyramidSpec) -> None:
        super().__init__(spec)
        self.features = FeaturePyramid(spec.features)
        self.decoders = nn.ModuleList()
        coarser = 0
        for level in reversed(range(len(spec.features))):
            costs = (2 * spec.search[level] + 1) ** 2 if spec.search[level] else 0
            inputs = costs + 2 * spec.features[level] + (coarser + 4 if coarser else 0)
            width = spec.decoders[level]
            self.decoders.append(OffsetDecoder(inputs, width, spec.decoder_depth))
            coarser = width
        taps = spec.warp.taps**2
        # Per frame and tap: a logit (four sub-pixels each) and two residual offsets; occlusion.
        self.tap_logits = nn.Conv2d(coarser, 4 * 2 * taps, 1)
        self.tap_offsets = nn.Conv2d(coarser, 2 * 2 * taps, 1)
        self.occlusion = nn.Conv2d(coarser, 4, 1)
        self.synthesis = (
            nn.Sequential(
                _conv(24 + coarser, spec.synthesis),
                _conv(spec.synthesis, spec.synthesis),
                nn.Conv2d(spec.synthesis, 12, 3, 1, 1),
            )
            if spec.synthesis
            else None
        )
        self._start_at_rest()

    def _start_at_rest(self) -> None:
        taps = self.spec.warp.taps**2
        still: list[nn.Module] = [self.tap_logits, self.tap_offsets, self.occlusion]
        if self.synthesis is not None:
            still.append(self.synthesis[-1])
        for conv in still:
            for parameter in conv.parameters():
                nn.init.zeros_(parameter)
        with torch.no_grad():
            bias = self.tap_logits.bias.view(2, taps, 4)  # type: ignore[union-attr]
            bias[:, taps // 2] = _CENTRE_LOGIT

    def forward(self, frame0: Tensor, frame2: Tensor) -> Tensor:
        """See :meth:`InterpolationNetwork.forward`."""
        return self.describe(frame0, frame2).frame

    def describe(self, frame0: Tensor, frame2: Tensor, *, taps: bool = True) -> NetworkOutput:
        """See :meth:`InterpolationNetwork.describe`."""
        hidden, offsets = self._estimate(frame0, frame2)
        occlusion = torch.sigmoid(F.pixel_shuffle(self.occlusion(hidden), 2))
        moved = 2.0 * _double(offsets[-1])
        if taps:
            warped0, warped2 = self._warp_taps(frame0, frame2, hidden, moved)
        else:
            warped0, warped2 = offset_warp(frame0, moved[:, :2]), offset_warp(frame2, moved[:, 2:])
        warped = occlusion * warped0 + (1 - occlusion) * warped2
        frame = warped
        if taps and self.synthesis is not None:
            pair = torch.cat((warped0, warped2), 1) - _MEAN
            frame = warped + F.pixel_shuffle(
                self.synthesis(torch.cat((F.pixel_unshuffle(pair, 2), hidden), 1)), 2
            )
        return NetworkOutput(frame, warped, offsets)

    def _estimate(self, frame0: Tensor, frame2: Tensor) -> tuple[Tensor, list[Tensor]]:
        batch = frame0.shape[0]
        both = self.features(torch.cat((frame0, frame2), 0))
        offsets: list[Tensor] = []
        hidden = frame0.new_zeros(0)
        levels = reversed(range(len(both)))
        for level, decoder in zip(levels, self.decoders, strict=True):
            features0, features2 = both[level][:batch], both[level][batch:]
            context: list[Tensor] = []
            if offsets:
                coarse = 2.0 * _double(offsets[-1])
                features0 = offset_warp(features0, coarse[:, :2])
                features2 = offset_warp(features2, coarse[:, 2:])
                context = [_double(hidden), coarse]
            radius = self.spec.search[level]
            costs = [symmetric_cost_volume(features0, features2, radius)] if radius else []
            hidden, change = decoder(torch.cat([*costs, features0, features2, *context], 1))
            change = change.to(frame0.dtype)  # under autocast, offsets must not stay in bfloat16
            offsets.append(context[-1] + change if context else change)
        return hidden, offsets

    def _warp_taps(
        self, frame0: Tensor, frame2: Tensor, hidden: Tensor, moved: Tensor
    ) -> tuple[Tensor, Tensor]:
        taps = self.spec.warp.taps**2
        logits = F.pixel_shuffle(self.tap_logits(hidden), 2)
        residual = 2.0 * _double(self.tap_offsets(hidden))
        warped = []
        for side, frame in enumerate((frame0, frame2)):
            weight = torch.softmax(logits[:, side * taps : (side + 1) * taps], 1)
            first = 2 * side * taps
            alpha = residual[:, first : first + taps] + moved[:, 2 * side : 2 * side + 1]
            beta = (
                residual[:, first + taps : first + 2 * taps] + moved[:, 2 * side + 1 : 2 * side + 2]
            )
            warped.append(adacof_warp(frame, weight, alpha, beta, self.spec.warp, self.formulation))
        return warped[0], warped[1]
