"""AdaCoF (F = 5, d = 1) at half its widths: the baseline that two cores can train and compress."""

from __future__ import annotations

from cdfi_model.kernel_unet_spec import KernelUNetSpec
from cdfi_model.spec import NETWORKS, WarpSpec

ADACOF_HALF = NETWORKS.register(
    KernelUNetSpec(
        name="adacof_half",
        summary="AdaCoF at half its widths, 5x5 taps",
        warp=WarpSpec(taps=5, dilation=1, sampling="truncate"),
        encoder=((16, 16, 16), (32, 32, 32), (64, 64, 64), (128, 128, 128), (256, 256, 256)),
        decoder=((256, 256, 256), (128, 128, 128), (64, 64, 64), (32, 32, 32)),
        weight0=(32, 32, 25),
        alpha0=(32, 32, 25),
        beta0=(32, 32, 25),
        weight2=(32, 32, 25),
        alpha2=(32, 32, 25),
        beta2=(32, 32, 25),
        occlusion=(32, 32, 32),
    )
)
