"""CDFI as published: Ding et al., CVPR 2021; the compressed AdaCoF+ with features and synthesis."""

from __future__ import annotations

from cdfi_model.kernel_unet_spec import KernelUNetSpec
from cdfi_model.spec import NETWORKS, WarpSpec

CDFI = NETWORKS.register(
    KernelUNetSpec(
        name="cdfi",
        summary="CDFI: compressed AdaCoF+, multi-resolution features, GridNet synthesis",
        warp=WarpSpec(taps=11, dilation=2, sampling="truncate"),
        encoder=((24, 24, 24), (48, 48, 52), (99, 97, 95), (156, 142, 159), (92, 72, 121)),
        decoder=((99, 69, 36), (74, 83, 81), (83, 88, 72), (45, 45, 45)),
        weight0=(52, 49, 21),
        alpha0=(52, 49, 21),
        beta0=(52, 49, 21),
        weight2=(52, 49, 21),
        alpha2=(52, 49, 21),
        beta2=(52, 49, 21),
        occlusion=(52, 52, 48),
        blend=(52, 52, 48),
        feature_levels=(4, 8, 12, 16, 20),
        synthesis_widths=(32, 64, 96),
        synthesis_columns=6,
    )
)
