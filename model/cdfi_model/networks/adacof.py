"""AdaCoF as published: Lee et al., CVPR 2020, F = 5, d = 1."""

from __future__ import annotations

from cdfi_model.kernel_unet_spec import KernelUNetSpec
from cdfi_model.spec import NETWORKS, WarpSpec

ADACOF = NETWORKS.register(
    KernelUNetSpec(
        name="adacof",
        summary="AdaCoF, 5x5 taps",
        warp=WarpSpec(taps=5, dilation=1, sampling="truncate"),
        encoder=((32, 32, 32), (64, 64, 64), (128, 128, 128), (256, 256, 256), (512, 512, 512)),
        decoder=((512, 512, 512), (256, 256, 256), (128, 128, 128), (64, 64, 64)),
        weight0=(64, 64, 25),
        alpha0=(64, 64, 25),
        beta0=(64, 64, 25),
        weight2=(64, 64, 25),
        alpha2=(64, 64, 25),
        beta2=(64, 64, 25),
        occlusion=(64, 64, 64),
    )
)
