"""The native kernels from numpy: finds the library, loads it once, checks what it is given.

The library is optional: the package's build makes it where there is a C++17 compiler, and so does
``make native`` (see ``runtime/native/README.md``). It is looked for at the path in
``CDFI_NATIVE_LIBRARY``, then in this package, then in the ``build/native`` of a source tree.
Nothing is loaded before the first call.
"""

from __future__ import annotations

import ctypes
import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from cdfi_runtime.errors import CdfiError, InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

ABI = 2
VARIABLE = "CDFI_NATIVE_LIBRARY"
LEVELS = ("scalar", "vector4", "avx2", "avx512")
LIBRARY = "libcdfi_native.so"
SAMPLINGS = ("truncate", "bilinear")
_ARRAYS = ("image", "weight", "alpha", "beta", "out")
_SIZES = ("batch", "channels", "image_height", "image_width", "height", "width")
_SCALARS = (
    *("taps", "dilation", "offset_maps", "padding"),
    *("sampling", "logits", "threads", "level", "map_type"),
)
MAP_TYPES = ("float32", "float16")


class NativeError(CdfiError):
    """The native library is missing, foreign or refused a call."""


class WarpArgs(ctypes.Structure):
    """``cdfi_warp_args`` of ``cdfi_native.h``."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in _ARRAYS),
        *((name, ctypes.c_int64) for name in _SIZES),
        *((name, ctypes.c_int32) for name in _SCALARS),
    ]


def library_path() -> Path | None:
    """Where the library is; ``None`` if it was not built.

    Raises:
        NativeError: ``CDFI_NATIVE_LIBRARY`` names no file.
    """
    named = os.environ.get(VARIABLE)
    if named:
        if not Path(named).is_file():
            raise NativeError(
                f"the library that {VARIABLE} names does not exist",
                expected=f"the path of {LIBRARY}",
                got=named,
                fix=f"correct or unset {VARIABLE}",
            )
        return Path(named)
    package = Path(__file__).resolve().parent
    places = (package / LIBRARY, package.parents[1] / "build" / "native" / LIBRARY)
    return next((place for place in places if place.is_file()), None)


def available() -> bool:
    """Whether :func:`warp` can be called here."""
    try:
        load_library()
    except NativeError:
        return False
    return True


def dispatch() -> str:
    """The instruction set level that the kernels choose on this processor.

    Raises:
        NativeError: there is no library to ask.
    """
    return LEVELS[load_library().cdfi_native_dispatch()]


def exports(entry: str) -> bool:
    """Whether the library has an entry for a host, e.g. ``RegisterCustomOps``.

    Raises:
        NativeError: there is no library to ask.
    """
    return hasattr(load_library(), entry)


def levels() -> tuple[str, ...]:
    """The levels that can be forced on this processor.

    Raises:
        NativeError: there is no library to ask.
    """
    has = load_library().cdfi_native_has_level
    return tuple(name for number, name in enumerate(LEVELS) if has(number))


def warp(
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
) -> Array:
    """The AdaCoF warp (AdaCoF, CVPR 2020, equation 3) of float32 images.

    The three maps are float32, or all float16; positions and sums are float32 in any case.

    Args:
        image: ``(B, C, H, W)``, any range.
        weight: ``(B, F*F, H, W)``; tap ``(k, l)`` is channel ``k * F + l``.
        alpha: Row offsets in pixels, ``(B, F*F, H, W)``; ``(B, 1, H, W)`` if all taps share them.
            NaN counts as 0, and what is beyond 2**23 pixels as 2**23.
        beta: Column offsets, the same shape.
        taps: F, odd.
        dilation: d, the distance between neighbouring taps in pixels.
        sampling: ``truncate`` rounds offsets toward zero, ``bilinear`` floors them.
        logits: ``weight`` is softmaxed over the taps first.
        padded: ``image`` has its ``(F - 1) * d / 2`` pixels of padding on each side already.
        threads: Rows are shared out among so many threads.
        level: One of :func:`levels`; the best one if not given.

    Returns:
        ``(B, C, H, W)`` of the maps' size.

    Raises:
        InputError: types, shapes or options do not fit.
        NativeError: there is no library, or it cannot do this.
    """
    import numpy as np

    library = load_library()
    given = {"image": image, "weight": weight, "alpha": alpha, "beta": beta}
    options = Options(taps, dilation, sampling, logits, padded, threads, level)
    args, held = pack_arguments(given, options)
    out = np.empty((*image.shape[:2], *weight.shape[2:]), np.float32)
    args.out = out.ctypes.data
    check_status(library, library.cdfi_warp(ctypes.byref(args)))
    del held
    return out


class Options(NamedTuple):
    """What :func:`warp` takes beside arrays; see there."""

    taps: int
    dilation: int
    sampling: str
    logits: bool
    padded: bool
    threads: int
    level: str | None


def pack_arguments(given: dict[str, Array], options: Options) -> tuple[WarpArgs, list[Array]]:
    """The struct of a call without its ``out``, and the arrays it points to: keep them until then.

    Raises:
        InputError: types, shapes or options do not fit.
    """
    import numpy as np

    taps, dilation, sampling, logits, padded, threads, level = options
    check_options(taps, dilation, sampling, threads, level)
    reach = (taps - 1) * dilation // 2
    _check_arrays(given, taps, 2 * reach if padded else 0)
    contiguous = {name: np.ascontiguousarray(array) for name, array in given.items()}
    batch, channels, image_height, image_width = given["image"].shape
    height, width = given["weight"].shape[2:]
    args = WarpArgs(
        **{name: array.ctypes.data for name, array in contiguous.items()},
        batch=batch,
        channels=channels,
        image_height=image_height,
        image_width=image_width,
        height=height,
        width=width,
        taps=taps,
        dilation=dilation,
        offset_maps=given["alpha"].shape[1],
        padding=0 if padded else reach,
        sampling=SAMPLINGS.index(sampling),
        logits=int(logits),
        threads=threads,
        level=-1 if level is None else LEVELS.index(level),
        map_type=MAP_TYPES.index(given["weight"].dtype.name),
    )
    return args, list(contiguous.values())


def check_status(library: Any, status: int) -> None:
    """Raises NativeError unless ``status`` is 0."""
    if status:
        raise NativeError(
            "the native warp refused its arguments",
            got=library.cdfi_native_error(status).decode(),
            fix="use another level or smaller images",
        )


def check_options(taps: int, dilation: int, sampling: str, threads: int, level: str | None) -> None:
    """Refuse options that no binding of a warp takes.

    Raises:
        InputError: one of them is unknown or out of its range.
    """
    for name, value, known in (("sampling", sampling, SAMPLINGS), ("level", level, LEVELS)):
        if value is not None and value not in known:
            raise InputError(
                f"unknown {name} '{value}'", expected="one of " + ", ".join(known), got=value
            )
    if taps < 1 or taps % 2 == 0 or dilation < 1 or threads < 1:
        raise InputError(
            "the options do not fit the warp",
            expected="an odd number of taps a side, a dilation and threads of at least 1",
            got=f"taps {taps}, dilation {dilation}, threads {threads}",
        )


def _check_arrays(given: dict[str, Array], taps: int, border: int) -> None:
    maps_type = given["weight"].dtype.name
    if maps_type not in MAP_TYPES:
        maps_type = MAP_TYPES[0]
    for name, array in given.items():
        wanted = "float32" if name == "image" else maps_type
        if array.dtype.name != wanted or array.ndim != 4 or array.size == 0:
            raise InputError(
                f"the array '{name}' does not fit the warp",
                expected=f"{wanted} with four axes (B, C, H, W), none of them empty",
                got=f"{array.dtype.name} {array.shape}",
                fix=f"{name}.astype(numpy.{wanted})" if array.dtype.name != wanted else None,
            )
    batch, _, height, width = given["image"].shape
    height, width = height - border, width - border
    maps = taps * taps
    own = 1 if given["alpha"].shape[1] == 1 else maps
    for name, channels in (("weight", maps), ("alpha", own), ("beta", own)):
        if given[name].shape != (batch, channels, height, width):
            raise InputError(
                f"the array '{name}' does not fit the image or the taps",
                expected=f"{(batch, channels, height, width)}",
                got=f"{given[name].shape}",
            )


@functools.cache
def _load(path: Path) -> Any:
    try:
        library = ctypes.CDLL(str(path))
        version = library.cdfi_native_version()
    except (OSError, AttributeError) as error:
        raise NativeError(
            f"{path.name} cannot be loaded", got=str(error), fix="build it again: make native"
        ) from error
    if version != ABI:
        raise NativeError(
            f"{path.name} is of another version",
            expected=f"interface {ABI}",
            got=f"interface {version}",
            fix="build it again: make native",
        )
    library.cdfi_native_error.restype = ctypes.c_char_p
    return library


def load_library() -> Any:
    """The loaded library.

    Raises:
        NativeError: there is none, or it is not this version's.
    """
    path = library_path()
    if path is None:
        raise NativeError(
            "the native kernels are not built",
            expected=f"{LIBRARY} in the package cdfi_runtime, or named by {VARIABLE}",
            fix="make native in a checkout, or install the package again with a C++17 compiler",
        )
    return _load(path)
