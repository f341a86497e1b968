"""AdaCoF with F = 11, d = 2, which the CDFI paper calls AdaCoF+."""

from __future__ import annotations

from cdfi_model.kernel_unet_spec import KernelUNetSpec
from cdfi_model.spec import NETWORKS, WarpSpec

ADACOF_PLUS = NETWORKS.register(
    KernelUNetSpec(
        name="adacof_plus",
        summary="AdaCoF with 11x11 taps, dilation 2",
        warp=WarpSpec(taps=11, dilation=2, sampling="truncate"),
        encoder=((32, 32, 32), (64, 64, 64), (128, 128, 128), (256, 256, 256), (512, 512, 512)),
        decoder=((512, 512, 512), (256, 256, 256), (128, 128, 128), (64, 64, 64)),
        weight0=(64, 64, 121),
        alpha0=(64, 64, 121),
        beta0=(64, 64, 121),
        weight2=(64, 64, 121),
        alpha2=(64, 64, 121),
        beta2=(64, 64, 121),
        occlusion=(64, 64, 64),
    )
)
