"""Gradients of the native warp, from numpy: see :mod:`cdfi_runtime.native`."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Literal, NamedTuple

from cdfi_runtime.errors import InputError
from cdfi_runtime.native import (
    Options,
    WarpArgs,
    check_status,
    load_library,
    pack_arguments,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]


class Gradients(NamedTuple):
    """Each of the shape of its input; ``None`` where it was not wanted."""

    image: Array | None
    weight: Array | None
    alpha: Array | None
    beta: Array | None


class _BackwardArgs(ctypes.Structure):
    """``cdfi_warp_backward_args`` of ``cdfi_native.h``."""

    _fields_ = [
        ("warp", WarpArgs),
        ("grad_out", ctypes.c_void_p),
        *((f"grad_{name}", ctypes.c_void_p) for name in Gradients._fields),
    ]


def warp_backward(
    grad_out: Array,
    image: Array,
    weight: Array,
    alpha: Array,
    beta: Array,
    *,
    taps: int,
    dilation: int,
    sampling: Literal["truncate", "bilinear"],
    logits: bool = False,
    padded: bool = False,
    threads: int = 1,
    level: str | None = None,
    wanted: tuple[bool, bool, bool, bool] = (True, True, True, True),
) -> Gradients:
    """Gradients of :func:`cdfi_runtime.native.warp`, given that of its result.

    A whole step of an offset has no gradient, so that of an offset is the difference of its
    corners; that of a clamped corner goes to the pixel it was clamped to. The same number of
    threads gives the same bits.

    Args:
        grad_out: ``(B, C, H, W)``, the gradient of the result.
        image: As in the forward call, and so are the others up to ``level``.
        threads: ``wanted[0]`` takes the memory of one image for each of them.
        wanted: Which gradients to compute, of image, weight, alpha and beta.

    Returns:
        The gradients. With ``logits``, that of ``weight`` is the logits'.

    Raises:
        InputError: types, shapes or options do not fit.
        NativeError: there is no library, or it cannot do this.
    """
    import numpy as np

    library = load_library()
    given = {"image": image, "weight": weight, "alpha": alpha, "beta": beta}
    options = Options(taps, dilation, sampling, logits, padded, threads, level)
    warp, held = pack_arguments(given, options)
    shape = (*image.shape[:2], *weight.shape[2:])
    if grad_out.shape != shape or grad_out.dtype.name != "float32":
        raise InputError(
            "the gradient does not fit the result of the warp",
            expected=f"float32 {shape}",
            got=f"{grad_out.dtype.name} {grad_out.shape}",
        )
    held.append(np.ascontiguousarray(grad_out))
    made = [
        np.empty(array.shape, np.float32) if want else None
        for array, want in zip(given.values(), wanted, strict=True)
    ]
    gradients = Gradients(*made)
    pointers = {
        f"grad_{name}": None if array is None else array.ctypes.data
        for name, array in gradients._asdict().items()
    }
    args = _BackwardArgs(warp=warp, grad_out=held[-1].ctypes.data, **pointers)
    check_status(library, library.cdfi_warp_backward(ctypes.byref(args)))
    return gradients
