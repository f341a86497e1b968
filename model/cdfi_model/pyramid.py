"""The network of :class:`cdfi_model.pyramid_spec.PyramidSpec`."""

from __future__ import annotations

import itertools
from functools import reduce
from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cdfi_model.layers.cost_volume import SymmetricCostVolume
from cdfi_model.layers.offset_warp import offset_warp
from cdfi_model.network import InterpolationNetwork, NetworkOutput
from cdfi_model.warp import adacof_warp

if TYPE_CHECKING:
    from cdfi_model.pyramid_spec import PyramidSpec

_MEAN = 0.45
# The centre tap starts with about 0.9 of the weight, so that taps refine what the offsets found.
_CENTRE_LOGIT = 4.0
# Of the cost volumes' softmax at the start; 30 learned worse than 10. Learned as a factor of it.
_SHARPNESS = 10.0


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.LeakyReLU(0.1, inplace=True))


def _halving(inputs: int, outputs: int) -> nn.Conv2d:
    """From full to half size. The same map as pixel-unshuffle and 3x3, without the shuffle."""
    return nn.Conv2d(inputs, outputs, 6, 2, 2)


def _doubling(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    """From half to full size. The same map as 1x1 and pixel-shuffle, without the shuffle."""
    return nn.ConvTranspose2d(inputs, outputs, 2, 2)


def _double(tensor: Tensor) -> Tensor:
    return F.interpolate(tensor, scale_factor=2.0, mode="bilinear", align_corners=False)


class FeaturePyramid(nn.Module):
    """Features of one frame at 1/2, 1/4, ... of its size; both frames share the weights."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        stem = nn.Sequential(_halving(3, widths[0]), nn.LeakyReLU(0.1, inplace=True))
        self.levels = nn.ModuleList([nn.Sequential(stem, _conv(widths[0], widths[0]))])
        for wider, width in itertools.pairwise(widths):
            self.levels.append(nn.Sequential(_conv(wider, width, 2), _conv(width, width)))

    def forward(self, frame: Tensor) -> list[Tensor]:
        """``(B, 3, H, W)`` in [0, 1] to one ``(B, width, H / 2**n, W / 2**n)`` per level."""
        features = []
        current = frame - _MEAN
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


class Synthesis(nn.Module):
    """A residual for the blended frame, computed at half size."""

    def __init__(self, hidden: int, width: int) -> None:
        super().__init__()
        self.frames = _halving(6, width)
        self.hidden = nn.Conv2d(hidden, width, 3, 1, 1, bias=False)
        self.body = _conv(width, width)
        self.out = nn.Conv2d(width, 12, 3, 1, 1)

    def forward(self, warped: Tensor, hidden: Tensor) -> Tensor:
        """``(B, 6, H, W)`` warped frames and ``(B, hidden, H / 2, W / 2)`` to ``(B, 3, H, W)``."""
        mixed = F.leaky_relu(self.frames(warped) + self.hidden(hidden), 0.1)
        return F.pixel_shuffle(self.out(self.body(mixed)), 2)


class PyramidNetwork(InterpolationNetwork):
    """Offsets coarse to fine, then one AdaCoF warp per frame, then a residual at half size."""

    spec: PyramidSpec
    sensitive_layers = ("head", "tap_logits", "tap_offsets", "occlusion", "out")

    def __init__(self, spec: PyramidSpec) -> None:
        super().__init__(spec)
        self.features = FeaturePyramid(spec.features)
        self.decoders = nn.ModuleList()
        self.matchers = nn.ModuleDict()
        self.reducers = nn.ModuleList()
        self.sharpness = nn.Parameter(torch.ones(len(spec.features)))
        coarser = 0
        for level in reversed(range(len(spec.features))):
            radius = spec.search[level]
            if radius:
                self.matchers[str(level)] = SymmetricCostVolume(radius)
            costs = (2 * radius + 1) ** 2 if radius else 0
            context = 0
            if coarser:
                context = spec.context[level] if spec.context else coarser
            inputs = costs + 2 * spec.features[level] + (context + 4 if context else 0)
            width = spec.decoders[level]
            self.decoders.append(OffsetDecoder(inputs, width, spec.decoder_depth))
            if spec.context and coarser:
                self.reducers.append(nn.Conv2d(coarser, context, 1))
            coarser = width
        taps = spec.warp.taps**2
        # Per frame and tap a logit; residual offsets at half size; occlusion.
        self.tap_logits = _doubling(coarser, 2 * taps)
        self.tap_offsets = (
            nn.Conv2d(coarser, 2 * 2 * taps, 1) if spec.warp.offsets == "per_tap" else None
        )
        self.occlusion = _doubling(coarser, 1)
        self.synthesis = Synthesis(coarser, spec.synthesis) if spec.synthesis else None
        self._start_at_rest()

    def _start_at_rest(self) -> None:
        taps = self.spec.warp.taps**2
        still: list[nn.Module] = [self.tap_logits, self.occlusion]
        if self.tap_offsets is not None:
            still.append(self.tap_offsets)
        if self.synthesis is not None:
            still.append(self.synthesis.out)
        for conv in still:
            for parameter in conv.parameters():
                nn.init.zeros_(parameter)
        with torch.no_grad():
            bias = self.tap_logits.bias.view(2, taps)  # type: ignore[union-attr]
            bias[:, taps // 2] = _CENTRE_LOGIT

    def forward(self, frame0: Tensor, frame2: Tensor) -> Tensor:
        """See :meth:`InterpolationNetwork.forward`."""
        return self.describe(frame0, frame2).frame

    def describe(self, frame0: Tensor, frame2: Tensor, *, taps: bool = True) -> NetworkOutput:
        """See :meth:`InterpolationNetwork.describe`."""
        hidden, offsets = self._estimate(frame0, frame2)
        occlusion = torch.sigmoid(self.occlusion(hidden))
        moved = 2.0 * _double(offsets[-1])
        if taps:
            warped0, warped2 = self._warp_taps(frame0, frame2, hidden, moved)
        else:
            warped0 = offset_warp(frame0, moved[:, :2], self.formulation)
            warped2 = offset_warp(frame2, moved[:, 2:], self.formulation)
        warped = occlusion * warped0 + (1 - occlusion) * warped2
        frame = warped
        if taps and self.synthesis is not None:
            frame = warped + self.synthesis(torch.cat((warped0, warped2), 1) - _MEAN, hidden)
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
                features0 = offset_warp(features0, coarse[:, :2], self.formulation)
                features2 = offset_warp(features2, coarse[:, 2:], self.formulation)
                if self.reducers:
                    hidden = self.reducers[len(offsets) - 1](hidden)
                context = [_double(hidden), coarse]
            costs, guess = self._match(level, features0, features2)
            hidden, change = decoder(torch.cat([*costs, features0, features2, *context], 1))
            # Under autocast, offsets must not stay in bfloat16.
            terms = [term.to(frame0.dtype) for term in (change, *guess, *context[1:])]
            offsets.append(reduce(torch.add, terms))
        return hidden, offsets

    def _match(
        self, level: int, features0: Tensor, features2: Tensor
    ) -> tuple[list[Tensor], list[Tensor]]:
        """The costs of a level and the displacement they point to; both empty without a search."""
        if not self.spec.search[level]:
            return [], []
        matcher = cast(SymmetricCostVolume, self.matchers[str(level)])
        costs: Tensor = matcher(features0, features2)
        sharpness = _SHARPNESS * self.sharpness[level]
        return [costs], [matcher.expected_displacement(costs, sharpness)]

    def _warp_taps(
        self, frame0: Tensor, frame2: Tensor, hidden: Tensor, moved: Tensor
    ) -> tuple[Tensor, Tensor]:
        taps = self.spec.warp.taps**2
        logits = self.tap_logits(hidden)
        residual = None if self.tap_offsets is None else 2.0 * _double(self.tap_offsets(hidden))
        warped = []
        for side, frame in enumerate((frame0, frame2)):
            weight = logits[:, side * taps : (side + 1) * taps]
            alpha, beta = moved[:, 2 * side : 2 * side + 1], moved[:, 2 * side + 1 : 2 * side + 2]
            if residual is not None:
                first = 2 * side * taps
                alpha = alpha + residual[:, first : first + taps]
                beta = beta + residual[:, first + taps : first + 2 * taps]
            maps = (weight, alpha, beta)
            warped.append(adacof_warp(frame, *maps, self.spec.warp, self.formulation, logits=True))
        return warped[0], warped[1]
