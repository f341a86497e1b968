"""Frames as users hold them, as networks take them, and the one rounding between.

Users hold ``(H, W, 3)`` or ``(N, H, W, 3)`` RGB: uint8, or float32 / float64 in [0, 1]. Networks
take ``(N, 3, H, W)`` float32 in [0, 1].
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cdfi_runtime.errors import InputError

Frame: TypeAlias = NDArray[Any]

_BAND = 128
_LAYOUT = "(height, width, 3) or (batch, height, width, 3), RGB"


def check_frame(frame: Frame, name: str = "the frame") -> None:
    """Refuse what is no frame; ``name`` says in the message which one it was.

    Raises:
        InputError: no array, wrong layout, channels or data type, no pixels, NaN or infinite
            values, or values outside [0, 1].
    """
    if not isinstance(frame, np.ndarray):
        raise InputError(
            f"{name} is no numpy array",
            expected=_LAYOUT,
            got=type(frame).__name__,
            fix="numpy.asarray(frame)",
        )
    if frame.ndim not in (3, 4) or frame.shape[-1] != 3:
        raise InputError(
            f"{name} has no RGB layout",
            expected=_LAYOUT,
            got=f"{frame.shape}",
            fix=_layout_fix(frame),
        )
    if frame.size == 0:
        raise InputError(f"{name} has no pixels", expected="at least 1x1", got=f"{frame.shape}")
    if frame.dtype == np.uint8:
        return
    if frame.dtype not in (np.float32, np.float64):
        raise InputError(
            f"{name} has a data type that is not supported",
            expected="uint8, or float32 / float64 in [0, 1]",
            got=f"{frame.dtype}",
            fix="convert it: 16-bit frames by (frame / 65535).astype(numpy.float32)",
        )
    _check_values(frame, name)


def check_pair(frame0: Frame, frame2: Frame, names: tuple[str, str] = ("frame0", "frame2")) -> None:
    """Refuse two frames that do not belong together.

    Raises:
        InputError: one of them is no frame (see :func:`check_frame`), or shape or type differ.
    """
    check_frame(frame0, names[0])
    check_frame(frame2, names[1])
    if frame0.shape != frame2.shape:
        raise InputError(
            f"{names[0]} and {names[1]} have different sizes",
            expected=f"two frames of {frame0.shape}",
            got=f"{frame0.shape} and {frame2.shape}",
            fix="resize or crop one of them",
        )
    if frame0.dtype != frame2.dtype:
        raise InputError(
            f"{names[0]} and {names[1]} have different data types",
            expected="the same data type",
            got=f"{frame0.dtype} and {frame2.dtype}",
            fix="convert one of them",
        )


def to_network(frame: Frame) -> NDArray[np.float32]:
    """A checked frame as contiguous ``(N, 3, H, W)`` float32 in [0, 1]; a single one has N = 1."""
    batch = frame if frame.ndim == 4 else frame[np.newaxis]
    planes = batch.transpose(0, 3, 1, 2).astype(np.float32, order="C")
    if frame.dtype == np.uint8:
        planes /= np.float32(255)
    return planes


def from_8bit(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    """8-bit values as float32 in [0, 1]; any shape."""
    return frame.astype(np.float32) / np.float32(255)


def from_network(planes: NDArray[np.float32], like: Frame) -> Frame:
    """A network's output in the form of the user's frame ``like``.

    Args:
        planes: ``(N, 3, H, W)`` float32.
        like: Decides the result: with or without the batch axis; uint8 rounded by
            :func:`round_to_uint8`, anything else float32 clipped to [0, 1].
    """
    batch = planes.transpose(0, 2, 3, 1)
    frame = batch if like.ndim == 4 else batch[0]
    if like.dtype == np.uint8:
        rounded = np.empty(frame.shape, np.uint8)
        for first in range(0, frame.shape[-3], _BAND):  # a frame of 8K has 400 MB in float32
            rows = (..., slice(first, first + _BAND), slice(None), slice(None))
            rounded[rows] = round_to_uint8(frame[rows])
        return rounded
    return np.ascontiguousarray(np.clip(frame, 0, 1), dtype=np.float32)


def round_to_uint8(frame: Frame) -> NDArray[np.uint8]:
    """The only place where this project rounds: clip to [0, 1], times 255, halves up.

    Halves go up (``floor(255 x + 0.5)``) as in the PNG writer that the papers' figures went
    through, and as ``(int) (255 * x + 0.5f)`` does on a phone. uint8 comes back as it is.

    Raises:
        InputError: NaN values, or a data type that is neither uint8 nor floating point.
    """
    if frame.dtype == np.uint8:
        return frame
    if frame.dtype.kind != "f":
        raise InputError(
            "the frame cannot be rounded to 8 bits",
            expected="uint8, or floating point in [0, 1]",
            got=f"{frame.dtype}",
        )
    bad = int(np.count_nonzero(np.isnan(frame)))
    if bad:
        raise InputError(
            "the frame holds NaN values", expected="numbers", got=f"{bad} of {frame.size} values"
        )
    return np.floor(np.clip(frame, 0, 1) * 255 + 0.5).astype(np.uint8)


def _check_values(frame: Frame, name: str) -> None:
    low, high = float(frame.min()), float(frame.max())  # NaN and infinity survive min and max
    if not (np.isfinite(low) and np.isfinite(high)):
        bad = int(np.count_nonzero(~np.isfinite(frame)))
        raise InputError(
            f"{name} holds NaN or infinite values",
            expected="finite values in [0, 1]",
            got=f"{bad} of {frame.size} values",
            fix="find out where they come from; numpy.nan_to_num would hide them",
        )
    if low < 0 or high > 1:
        raise InputError(
            f"{name} has values outside [0, 1]",
            expected="float values in [0, 1]",
            got=f"{low:.6g} to {high:.6g}",
            fix="divide by 255 or pass uint8" if high > 2 else "numpy.clip(frame, 0, 1)",
        )


def _layout_fix(frame: Frame) -> str:
    if frame.ndim not in (2, 3, 4):
        return "give one frame or one batch of frames"
    if frame.ndim == 2 or frame.shape[-1] == 1:
        return "repeat the grey channel: numpy.repeat(grey.reshape(height, width, 1), 3, axis=-1)"
    if frame.shape[-1] == 4:
        return "drop the alpha channel: frame[..., :3]"
    if frame.shape[-3] == 3:
        return "move the channels last: numpy.moveaxis(frame, -3, -1)"
    return "pass colour frames with three channels, last axis"
