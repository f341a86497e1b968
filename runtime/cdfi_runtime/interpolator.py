"""The frame between two frames, for frames as users hold them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cdfi_runtime.errors import ArtifactError, InputError
from cdfi_runtime.frames import Frame, check_frame, check_pair, from_network, to_network
from cdfi_runtime.manifest import Manifest
from cdfi_runtime.memory import parse_bytes
from cdfi_runtime.middle import raw_middle
from cdfi_runtime.runtimes import AUTO, Session, open_artifact
from cdfi_runtime.tiled import OnTile, TiledSession, Tiling, TilingRequest

MIDDLE = 0.5


def embedded_model() -> Path:
    """Where the artifact embedded in this package lies, or would lie."""
    return Path(__file__).parent / "assets" / "default.onnx"


def default_model() -> Path:
    """The artifact embedded in this package.

    Raises:
        ArtifactError: this installation has none.
    """
    path = embedded_model()
    if not path.is_file():
        raise ArtifactError(
            "this installation has no embedded model",
            expected=f"the file {path.name} in the assets of cdfi_runtime",
            fix="name a model (--model FILE, Interpolator.load(path)) or install cdfi-mobile again",
        )
    return path


def check_time_step(t: float) -> None:
    """Refuse any time but the middle.

    Raises:
        InputError: ``t`` is not 0.5.
    """
    if t != MIDDLE:
        raise InputError(
            "only the frame half way can be computed: these networks were trained for it alone",
            expected="t = 0.5",
            got=f"t = {t}",
            fix="quarters, eighths, ... come from halving again: "
            "interpolate_sequence(frames, factor=4), or cdfi-run FOLDER --factor 4",
        )


def check_factor(factor: int) -> int:
    """How often intervals are halved to make ``factor`` times as many frames.

    Raises:
        InputError: ``factor`` is no power of two, or less than 2.
    """
    if not isinstance(factor, int) or factor < 2 or factor & (factor - 1):
        raise InputError(
            "the frame rate can be multiplied by powers of two only",
            expected="2, 4, 8, ...: every new frame lies half way between two others",
            got=f"factor {factor}",
        )
    return factor.bit_length() - 1


class Interpolator:
    """Computes frames between frames with an opened artifact.

    Make one with :meth:`load` (a file) or :meth:`from_session` (any :class:`Session`).
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._manifest = (
            session.inner.manifest if isinstance(session, TiledSession) else session.manifest
        )

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        runtime: str = AUTO,
        threads: int | None = None,
        accelerator: str = AUTO,
        strict: bool = False,
        max_memory: int | str | None = None,
        tile: tuple[int, int] | None = None,
        halo: int | None = None,
        on_tile: OnTile | None = None,
    ) -> Interpolator:
        """Open an artifact.

        Args:
            path: The artifact; its manifest lies beside it. ``None`` takes the embedded model.
            runtime: Registered name, or ``"auto"``: by the artifact's format.
            threads: CPU threads; ``None`` leaves the choice to the runtime.
            accelerator: Provider, delegate, compute units or device in the runtime's words.
            strict: Refuse what does not run wholly on ``accelerator``.
            max_memory: What the whole process may hold, in bytes or as ``"2G"``. Frames that would
                take more are computed in tiles, as large as fit; :attr:`tiling` says how well
                they join. With this or ``tile``, a graph of fixed size takes larger frames.
            tile: ``(width, height)`` of tiles in pixels, instead.
            halo: Pixels of context around a tile; ``None`` takes what the manifest says.
            on_tile: Told after each tile of a frame how many are done, and of how many.

        Raises:
            InputError: missing or empty file, a runtime that does not take its format, a
                fallback that ``strict`` refuses, or tiles that the network cannot take.
            ArtifactError: the file is corrupt, foreign, or not the one its manifest describes.
            MissingDependencyError: the runtime's library is not installed.
            UnknownNameError: no runtime of that name.
        """
        artifact = default_model() if path is None else Path(path)
        session = open_artifact(artifact, runtime, threads, accelerator, strict=strict)
        if max_memory is None and tile is None:
            if halo is not None:
                raise InputError(
                    "a halo alone cuts no frame", fix="give the tiles' size or max_memory with it"
                )
            return cls(session)
        limit = parse_bytes(max_memory) if isinstance(max_memory, str) else max_memory
        return cls(TiledSession(session, TilingRequest(limit, tile, halo), on_tile))

    @classmethod
    def from_session(cls, session: Session) -> Interpolator:
        """Use a session that is already open, e.g. of a network in memory."""
        return cls(session)

    @property
    def manifest(self) -> Manifest:
        """The manifest of the artifact."""
        return self._manifest

    @property
    def tiling(self) -> Tiling | None:
        """How the last frame was cut into tiles; ``None`` before it, or without tiles."""
        return self._session.tiling if isinstance(self._session, TiledSession) else None

    @property
    def runtime(self) -> str:
        """Name of the runtime in use."""
        return self._session.runtime

    @property
    def accelerator(self) -> str:
        """What the artifact really runs on, e.g. ``"cpu"``."""
        return self._session.accelerator

    @property
    def fallback(self) -> str | None:
        """Why that is not, or may not be, all that was asked for; ``None`` if it is."""
        return self._session.fallback

    def interpolate(self, frame0: Frame, frame2: Frame, *, t: float = MIDDLE) -> Frame:
        """The frame half way between two frames.

        Args:
            frame0: ``(H, W, 3)`` or a batch ``(N, H, W, 3)`` of RGB frames, H and W at least 1:
                uint8, or float32 / float64 in [0, 1].
            frame2: The same shape and type.
            t: Must be 0.5.

        Returns:
            The same shape: uint8 for uint8 frames, else float32 in [0, 1].

        Raises:
            InputError: frames or ``t`` that cannot be used, frames larger than an artifact of
                fixed size, or than the memory that is allowed.
            ArtifactError: the network returned NaN values or another shape.
        """
        check_time_step(t)
        check_pair(frame0, frame2)
        return from_network(self._middle(to_network(frame0), to_network(frame2)), like=frame0)

    def interpolate_sequence(self, frames: Iterable[Frame], factor: int = 2) -> Iterator[Frame]:
        """A sequence with ``factor`` times the frame rate, in time order.

        ``n`` frames give ``(n - 1) * factor + 1``: the given ones, and between each two of them
        ``factor - 1`` new ones by repeated halving. Halves are taken between unrounded frames and
        only results are rounded. No more than two given frames and one new frame for each halving
        are held at a time.

        Args:
            frames: Any iterable of frames of one shape and type, as in :meth:`interpolate`.
            factor: 2, 4, 8, ...

        Returns:
            An iterator over frames: uint8 for uint8 frames, else float32 in [0, 1].

        Raises:
            InputError: at once for a bad ``factor``, on the way for a bad frame.
            ArtifactError: on the way; see :meth:`interpolate`.
        """
        return self._sequence(frames, check_factor(factor))

    def _sequence(self, frames: Iterable[Frame], halvings: int) -> Iterator[Frame]:
        previous: Frame | None = None
        for index, frame in enumerate(frames):
            if previous is None:
                check_frame(frame, "frame 0")
            else:
                check_pair(previous, frame, (f"frame {index - 1}", f"frame {index}"))
                start, end = to_network(previous), to_network(frame)
                for planes in self._between(start, end, halvings):
                    yield from_network(planes, like=frame)
            yield frame if frame.dtype == np.uint8 else frame.astype(np.float32)
            previous = frame

    def _between(
        self, start: NDArray[np.float32], end: NDArray[np.float32], halvings: int
    ) -> Iterator[NDArray[np.float32]]:
        if halvings == 0:
            return
        middle = self._middle(start, end)
        yield from self._between(start, middle, halvings - 1)
        yield middle
        yield from self._between(middle, end, halvings - 1)

    def _middle(
        self, frame0: NDArray[np.float32], frame2: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """``(N, 3, H, W)`` in [0, 1] to the same, clipped; graphs take one pair at a time."""
        result = np.empty_like(frame0)
        for index in range(len(frame0)):
            one = slice(index, index + 1)
            result[one] = raw_middle(self._session, frame0[one], frame2[one])
        return np.clip(result, 0, 1, out=result)
