"""The last layers of a kernel-estimation network and both its warps, natively and from numpy.

See ``cdfi_heads_args`` in ``runtime/native/cdfi_native.h``.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from cdfi_runtime.errors import InputError
from cdfi_runtime.native import LEVELS, SAMPLINGS, check_options, check_status, load_library

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

MAPS = 3  # tap logits, row offsets, column offsets
MAX_TAPS = 31


class Head(NamedTuple):
    """A map's head: what its last convolution sees, and that convolution.

    Attributes:
        hidden: ``(B, C, h, w)``, resized to the frames' size with aligned corners.
        weight: ``(F*F, C, 3, 3)``, zeros around.
        bias: ``(F*F,)``.
    """

    hidden: Array
    weight: Array
    bias: Array


class _Head(ctypes.Structure):
    """``cdfi_head``."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in Head._fields),
        ("channels", ctypes.c_int64),
    ]


class _Level(ctypes.Structure):
    """``cdfi_feature_level``."""

    _fields_ = [
        ("planes", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("channels", "height", "width")),
    ]


class _Args(ctypes.Structure):
    """``cdfi_heads_args``."""

    _fields_ = [
        ("frames", ctypes.c_void_p * 2),
        ("heads", (_Head * MAPS) * 2),
        ("features", ctypes.POINTER(_Level)),
        ("out", ctypes.POINTER(ctypes.c_void_p)),
        *(
            (name, ctypes.c_int64)
            for name in ("group", "batch", "height", "width", "hidden_height", "hidden_width")
        ),
        *(
            (name, ctypes.c_int32)
            for name in ("levels", "taps", "dilation", "sampling", "threads", "level")
        ),
    ]


def heads_warp(
    frames: Sequence[Array],
    heads: Sequence[Head],
    features: Sequence[Array] = (),
    *,
    taps: int,
    dilation: int,
    sampling: Literal["truncate", "bilinear"],
    threads: int = 1,
    level: str | None = None,
) -> Array:
    """Frames and features, warped by the maps of six heads that never exist whole.

    Args:
        frames: Two of ``(B, 3, H, W)``.
        heads: Tap logits, row offsets and column offsets (pixels) of frame 0, then of frame 1.
        features: Levels ``(B, C, h, w)``, each resized to the padded frame's size, half pixels.
        taps: F, odd, at most 31.
        dilation: d, the distance between neighbouring taps in pixels.
        sampling: ``truncate`` rounds offsets toward zero, ``bilinear`` floors them.
        threads: Rows are shared out among so many threads.
        level: One of :func:`cdfi_runtime.native.levels`; the best one if not given.

    Returns:
        ``(B, 6 + 2 * all feature channels, H, W)``: both frames, then level by level the features
        by the maps of frame 0 and by those of frame 1.

    Raises:
        InputError: types, shapes or options do not fit.
        NativeError: there is no library, or it cannot do this.
    """
    import numpy as np

    library = load_library()
    check_options(taps, dilation, sampling, threads, level)
    _check_arrays(frames, heads, features, taps)
    frames = [np.ascontiguousarray(frame) for frame in frames]
    heads = [Head(*map(np.ascontiguousarray, head)) for head in heads]
    features = [np.ascontiguousarray(planes) for planes in features]
    batch, _, height, width = frames[0].shape
    channels = 6 + 2 * sum(planes.shape[1] for planes in features)
    out = np.empty((batch, channels, height, width), np.float32)
    args = _Args(
        features=(_Level * len(features))(
            *(_Level(planes.ctypes.data, *planes.shape[1:]) for planes in features)
        ),
        out=(ctypes.c_void_p * 1)(out.ctypes.data),
        batch=batch,
        height=height,
        width=width,
        hidden_height=heads[0].hidden.shape[2],
        hidden_width=heads[0].hidden.shape[3],
        levels=len(features),
        taps=taps,
        dilation=dilation,
        sampling=SAMPLINGS.index(sampling),
        threads=threads,
        level=-1 if level is None else LEVELS.index(level),
    )
    args.frames[:] = [frame.ctypes.data for frame in frames]
    for index, head in enumerate(heads):
        pointers = (array.ctypes.data for array in head)
        args.heads[index // MAPS][index % MAPS] = _Head(*pointers, head.hidden.shape[1])
    check_status(library, library.cdfi_heads_warp(ctypes.byref(args)))
    return out


def _check_arrays(
    frames: Sequence[Array], heads: Sequence[Head], features: Sequence[Array], taps: int
) -> None:
    if len(frames) != 2 or len(heads) != 2 * MAPS or taps > MAX_TAPS:
        raise InputError(
            "the arguments do not fit the heads' warp",
            expected=f"2 frames, {2 * MAPS} heads, at most {MAX_TAPS} taps a side",
            got=f"{len(frames)} frames, {len(heads)} heads, {taps} taps a side",
        )
    batch, _, height, width = frames[0].shape if frames[0].ndim == 4 else (1, 3, 1, 1)
    hidden = heads[0].hidden.shape
    for index, frame in enumerate(frames):
        _check_array(f"frames[{index}]", frame, (batch, 3, height, width))
    for index, head in enumerate(heads):
        channels = head.weight.shape[1] if head.weight.ndim == 4 else 1
        _check_array(f"heads[{index}].hidden", head.hidden, (batch, channels, *hidden[2:]))
        _check_array(f"heads[{index}].weight", head.weight, (taps * taps, channels, 3, 3))
        _check_array(f"heads[{index}].bias", head.bias, (taps * taps,))
    for index, planes in enumerate(features):
        _check_array(f"features[{index}]", planes, (batch, *planes.shape[1:4]))


def _check_array(name: str, array: Array, shape: tuple[int, ...]) -> None:
    if array.dtype.name != "float32" or array.shape != shape or array.size == 0:
        raise InputError(
            f"the array '{name}' does not fit the heads' warp",
            expected=f"float32 {shape}, not empty",
            got=f"{array.dtype.name} {array.shape}",
        )
