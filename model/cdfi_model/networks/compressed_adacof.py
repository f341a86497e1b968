"""AdaCoF (F = 5, d = 1) after the CDFI paper's sparsity-guided compression."""

from __future__ import annotations

from cdfi_model.kernel_unet_spec import KernelUNetSpec
from cdfi_model.spec import NETWORKS, WarpSpec

COMPRESSED_ADACOF = NETWORKS.register(
    KernelUNetSpec(
        name="compressed_adacof",
        summary="AdaCoF compressed to a ninth, 5x5 taps",
        warp=WarpSpec(taps=5, dilation=1, sampling="truncate"),
        encoder=((24, 24, 24), (48, 48, 51), (99, 97, 94), (156, 142, 159), (92, 72, 121)),
        decoder=((99, 69, 36), (74, 83, 81), (83, 88, 72), (45, 47, 44)),
        weight0=(51, 49, 21),
        alpha0=(50, 48, 20),
        beta0=(51, 50, 20),
        weight2=(50, 49, 20),
        alpha2=(50, 49, 20),
        beta2=(51, 50, 20),
        occlusion=(52, 51, 48),
    )
)
