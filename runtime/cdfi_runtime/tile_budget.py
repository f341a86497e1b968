"""How large a tile may be: measured with the opened artifact, not guessed.

The peak of the whole process is read while small tiles run, and grows with their pixels along a
straight line: nearly all of it are the activations of the network. That line says what a large
tile will need. The session is used as it is, so whatever its runtime keeps is in the figures.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from cdfi_runtime.errors import InputError
from cdfi_runtime.memory import recent_peak_bytes, release_free_memory, restart_peak, show_bytes
from cdfi_runtime.padding import round_up
from cdfi_runtime.tiling import TilePlan, best_plan, fit_tiles, smallest_tile

FIRST_PROBE = 128
LAST_PROBE = 512
_CAREFUL = 1.25
# The line is off by a few per cent: allocators round up, and keep pieces too small to be reused.
_MARGIN = 1.06
# Bytes for each pixel of a frame that are touched only after the probes: the result in float32,
# and a copy of it while it is clipped; what rounding and the image file need comes after that.
_RESULT_BYTES = 2 * 3 * 4
_STRIP_BYTES = 3 * 4  # for each pixel of a row of tiles, while it is put together
_FRAMES_BYTES = 2 * (3 + 3 * 4)  # for each pixel, of both frames: as given and in float32


@dataclass
class TileBudget:
    """Chooses tiles for a budget.

    Attributes:
        max_memory: Bytes of the whole process.
        run_tile: Runs a tile of this height and width and forgets the result.
    """

    max_memory: int
    run_tile: Callable[[int, int], object]
    _points: list[tuple[int, int]] = field(default_factory=list)
    _probed_frame: int = 0

    def choose(self, height: int, width: int, *, multiple: int, halos: tuple[int, ...]) -> TilePlan:
        """A plan for a frame of this size, by probes on the first call.

        Args:
            height: Pixels of the frame.
            width: Pixels of the frame.
            multiple: Sides of tiles are multiples of it.
            halos: Contexts to choose from, the best first.

        Returns:
            See :func:`cdfi_runtime.tiling.best_plan`.

        Raises:
            InputError: nothing fits; the message says what would. Or this system does not tell
                a process its memory.
        """
        if not self._points:
            self._probe(height, width, multiple)

        def fits(tile_height: int, tile_width: int) -> bool:
            return self._needed(height, width, tile_height, tile_width) <= self.max_memory

        plan = best_plan(
            fit_tiles(height, width, multiple=multiple, halo=halo, fits=fits) for halo in halos
        )
        if plan is not None:
            return plan
        smallest = smallest_tile(height, width, multiple=multiple, halo=min(halos))
        least = self._needed(height, width, *smallest)
        raise InputError(
            f"frames of {width}x{height} pixels do not fit into the memory that is allowed",
            expected=f"--max-memory {show_bytes(least)} or more, for the smallest tiles",
            got=show_bytes(self.max_memory),
            fix="allow more, or use a smaller network",
        )

    def learn(self, tile_height: int, tile_width: int, peak: int) -> None:
        """Correct the line by what a tile really took."""
        self._points.append((tile_height * tile_width, peak))

    def _probe(self, height: int, width: int, multiple: int) -> None:
        """Run growing tiles while they are small, or do not yet show in the peak.

        They do not where a runtime kept memory from larger frames, or where the system knows the
        peak of a process's whole life only.
        """
        self._probed_frame = height * width
        self.run_tile(multiple, multiple)  # whatever a first run sets up for good
        side: float = FIRST_PROBE
        while side <= LAST_PROBE or not self._rose_twice():
            tile = [
                min(round_up(int(side), multiple), round_up(side_, multiple))
                for side_ in (height, width)
            ]
            pixels = tile[0] * tile[1]
            if self._points and pixels <= self._points[-1][0]:
                return  # the whole frame
            if len(self._points) > 1 and self._predict(pixels) > self.max_memory:
                return
            release_free_memory()
            restart_peak()
            self.run_tile(tile[0], tile[1])
            peak = recent_peak_bytes()
            if peak is None:
                raise InputError(
                    "this system does not tell a process how much memory it takes",
                    fix="choose the tiles yourself: --tile WIDTHxHEIGHT instead of --max-memory",
                )
            self._points.append((pixels, peak))
            side *= 2 if side < LAST_PROBE else _CAREFUL

    def _rose_twice(self) -> bool:
        peaks = [peak for _, peak in self._points[-3:]]
        return len(peaks) == 3 and peaks[0] < peaks[1] < peaks[2]

    def _predict(self, pixels: int) -> int:
        """Peak of the process with a tile of so many pixels."""
        points = sorted(self._points)
        sizes, peaks = zip(*points, strict=True)
        if pixels <= sizes[-1]:
            return int(np.interp(pixels, sizes, peaks))
        # The steepest part, so that probes too small to show in the peak make nothing look free.
        slopes = [
            (high - low) / (larger - smaller)
            for (smaller, low), (larger, high) in itertools.pairwise(points)
            if larger > smaller
        ]
        return int(peaks[-1] + max([0.0, *slopes]) * _MARGIN * (pixels - sizes[-1]))

    def _needed(self, height: int, width: int, tile_height: int, tile_width: int) -> int:
        strip = _STRIP_BYTES * width * min(tile_height, height)
        tile = self._predict(tile_height * tile_width)
        frames = _FRAMES_BYTES * max(0, height * width - self._probed_frame)
        return tile + frames + _RESULT_BYTES * height * width + strip
