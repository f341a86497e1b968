"""AdaCoF (CVPR 2020) and CDFI (CVPR 2021): kernel estimation, warp and, for CDFI, synthesis."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cdfi_model.kernel_unet_spec import MAP_HEADS, KernelUNetSpec
from cdfi_model.layers.conv_stack import ConvStack, Head, UpsampleConv
from cdfi_model.layers.grid_net import GridNet
from cdfi_model.layers.offset_warp import expected_offset, offset_warp
from cdfi_model.network import InterpolationNetwork, NetworkOutput
from cdfi_model.warp import WARPS, adacof_warp, warp_padded

# Mean of R, G and B that the published networks subtract before the U-Net (not before the warp).
CHANNEL_MEANS = (0.4631, 0.4352, 0.3990)

Maps = tuple[Tensor, Tensor, Tensor]


class KernelUNet(InterpolationNetwork):
    """Builds and runs a :class:`KernelUNetSpec`."""

    spec: KernelUNetSpec
    means: Tensor

    def __init__(self, spec: KernelUNetSpec) -> None:
        super().__init__(spec)
        channels = 6
        self.encoder = nn.ModuleList()
        for widths in spec.encoder:
            self.encoder.append(ConvStack(channels, widths))
            channels = widths[-1]
        self.decoder = nn.ModuleList()
        self.upsample = nn.ModuleList()
        for widths, width in zip(spec.decoder, spec.upsample, strict=True):
            self.decoder.append(ConvStack(channels, widths))
            self.upsample.append(UpsampleConv(widths[-1], width))
            channels = width
        self.heads = nn.ModuleDict(
            {
                name: Head(channels, widths, spec.head_outputs(name))
                for name, widths in spec.heads.items()
            }
        )
        # padding=1 on a 1x1 convolution frames the map with the bias; published so.
        self.features = nn.ModuleList(
            nn.Conv2d(level[-1], width, kernel_size=1, padding=1)
            for level, width in zip(spec.encoder, spec.feature_levels, strict=False)
        )
        self.synthesis = (
            GridNet(
                2 * spec.warp_channels,
                spec.synthesis_widths,
                spec.synthesis_columns,
                outputs=3,
            )
            if spec.synthesis_widths
            else None
        )
        self.register_buffer("means", torch.tensor(CHANNEL_MEANS).view(1, 3, 1, 1), False)

    def forward(self, frame0: Tensor, frame2: Tensor) -> Tensor:
        """The middle frame; see :meth:`InterpolationNetwork.forward`."""
        levels, decoded = self._estimate(frame0, frame2)
        if WARPS.get(self.formulation).native and not torch.is_grad_enabled():
            return self._merge(self._warp_natively(frame0, frame2, levels, decoded), decoded)[0]
        # One side's maps at a time: at phone sizes both together would double the peak memory.
        maps = partial(self._maps, decoded)
        return self._merge(self._warp_both(frame0, frame2, levels, maps), decoded)[0]

    def describe(self, frame0: Tensor, frame2: Tensor, *, taps: bool = True) -> NetworkOutput:
        """See :meth:`InterpolationNetwork.describe`."""
        levels, decoded = self._estimate(frame0, frame2)
        maps = {side: self._maps(decoded, side) for side in ("0", "2")}
        expected = [expected_offset(*maps[side], self.spec.warp) for side in ("0", "2")]
        offsets = [0.5 * F.avg_pool2d(torch.cat(expected, 1), 2)]
        if taps:
            warped = self._warp_both(frame0, frame2, levels, maps.__getitem__)
            return NetworkOutput(*self._merge(warped, decoded), offsets)
        occlusion = torch.sigmoid(self.heads["occlusion"](decoded))
        warped0, warped2 = offset_warp(frame0, expected[0]), offset_warp(frame2, expected[1])
        merged = occlusion * warped0 + (1 - occlusion) * warped2
        return NetworkOutput(merged, merged, offsets)

    def _warp_both(
        self,
        frame0: Tensor,
        frame2: Tensor,
        levels: list[Tensor],
        maps: Callable[[str], Maps],
    ) -> list[Tensor]:
        """Both warped frames, then level by level the features by both maps."""
        features = self._padded_features(levels, frame0) if self.synthesis is not None else None
        warped0, features0 = self._warp(frame0, features, maps("0"))
        warped2, features2 = self._warp(frame2, features, maps("2"))
        widths = list(self.spec.feature_levels)
        by_level = zip(
            torch.split(features0, widths, dim=1),
            torch.split(features2, widths, dim=1),
            strict=True,
        )
        return [warped0, warped2, *(part for pair in by_level for part in pair)]

    def _warp_natively(
        self, frame0: Tensor, frame2: Tensor, levels: list[Tensor], decoded: Tensor
    ) -> list[Tensor]:
        """The same as one tensor, without the maps and the resized features in between."""
        from cdfi_model.warp.heads_op import MapHead, warp_by_heads

        heads = [cast("Head", self.heads[name]) for name in MAP_HEADS]
        return [
            warp_by_heads(
                frame0,
                frame2,
                [MapHead(head.stack(decoded), head.out) for head in heads],
                [conv(level) for conv, level in zip(self.features, levels, strict=False)],
                self.spec.warp,
            )
        ]

    def _merge(self, warped: list[Tensor], decoded: Tensor) -> tuple[Tensor, Tensor]:
        """The middle frame, and the same before the synthesis.

        The channels of ``warped`` are both frames, then what else the synthesis sees.
        """
        if len(warped) == 1:
            warped0, warped2 = warped[0][:, :3], warped[0][:, 3:6]
        else:
            warped0, warped2 = warped[:2]
        occlusion = torch.sigmoid(self.heads["occlusion"](decoded))
        merged = occlusion * warped0 + (1 - occlusion) * warped2
        if self.synthesis is None:
            return merged, merged
        blend = torch.sigmoid(self.heads["blend"](decoded))
        whole = warped[0] if len(warped) == 1 else torch.cat(warped, dim=1)
        synthesised: Tensor = self.synthesis(whole)
        return blend * synthesised + (1 - blend) * merged, merged

    def _estimate(self, frame0: Tensor, frame2: Tensor) -> tuple[list[Tensor], Tensor]:
        """Outputs of the encoder's levels, and the decoder's output at half resolution."""
        x = torch.cat((frame0 - self.means, frame2 - self.means), dim=1)
        levels: list[Tensor] = []
        for stack in self.encoder:
            levels.append(stack(x))
            x = F.avg_pool2d(levels[-1], kernel_size=2)
        for stack, upsample, skip in zip(
            self.decoder, self.upsample, reversed(levels[1:]), strict=True
        ):
            x = upsample(stack(x)) + skip
        return levels, x

    def _padded_features(self, levels: list[Tensor], frame: Tensor) -> Tensor:
        """Feature maps of all levels at the size of the padded frame: ``(B, C, H', W')``.

        They are resized straight to the padded size; only the frames are replicate-padded.
        """
        size = (
            frame.shape[2] + 2 * self.spec.warp.reach,
            frame.shape[3] + 2 * self.spec.warp.reach,
        )
        maps = [
            F.interpolate(conv(level), size=size, mode="bilinear", align_corners=False)
            for conv, level in zip(self.features, levels, strict=True)
        ]
        return torch.cat(maps, dim=1)

    def _maps(self, decoded: Tensor, side: str) -> Maps:
        """Tap weights, row offsets and column offsets of a side, ``(B, F * F, H, W)`` each."""
        weight = torch.softmax(self.heads[f"weight{side}"](decoded), dim=1)
        return weight, self.heads[f"alpha{side}"](decoded), self.heads[f"beta{side}"](decoded)

    def _warp(self, frame: Tensor, features: Tensor | None, maps: Maps) -> tuple[Tensor, Tensor]:
        """A frame and the features, warped by that frame's maps (in one go)."""
        if features is None:
            return adacof_warp(frame, *maps, self.spec.warp, self.formulation), frame[:, :0]
        padded = F.pad(frame, (self.spec.warp.reach,) * 4, mode="replicate")
        padded = torch.cat((padded, features), dim=1)
        warped = warp_padded(padded, *maps, self.spec.warp, self.formulation)
        return warped[:, :3], warped[:, 3:]
