"""CDFI Mobile: the family carried on to the phone; the network this project ships weights for."""

from cdfi_model.pyramid_spec import PyramidSpec
from cdfi_model.spec import NETWORKS, WarpSpec

NETWORKS.register(
    PyramidSpec(
        name="cdfi_mobile",
        summary="coarse-to-fine offsets, 3x3 taps on the frames, slim residual synthesis",
        warp=WarpSpec(taps=3, dilation=1, sampling="bilinear", offsets="shared"),
        features=(16, 32, 48, 64),
        decoders=(32, 48, 64, 64),
        search=(0, 1, 2, 4),
        context=(28, 19, 19),
        synthesis=32,
    )
)
