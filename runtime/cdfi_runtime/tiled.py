"""A session for large frames: tile by tile through another session.

What a tile cannot show: motion that leads out of it. A network finds and fetches what lies within
the tile, so half the motion between the frames must stay below the halo.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cdfi_runtime.errors import InputError
from cdfi_runtime.manifest import Manifest, PaddingInfo, SizeInfo
from cdfi_runtime.memory import recent_peak_bytes, release_free_memory, restart_peak
from cdfi_runtime.middle import Planes, check_result
from cdfi_runtime.padding import Mode, round_up, source_index
from cdfi_runtime.runtimes import Session
from cdfi_runtime.tile_budget import TileBudget
from cdfi_runtime.tiling import Cut, TilePlan, best_plan, plan_tiles, smallest_tile

OnTile = Callable[[int, int], None]

# For manifests that give none. A choice for cost: no halo makes the published U-Nets exact.
DEFAULT_HALO = 64


@dataclass(frozen=True)
class TilingRequest:
    """How frames are to be cut; with nothing given, into tiles as large as a fixed graph.

    Attributes:
        max_memory: Bytes that the whole process may hold; tiles are chosen for it.
        tile: ``(width, height)`` of a tile in pixels, instead.
        halo: Pixels of context on each side of a tile; ``None`` takes the manifest's, or less
            where a budget makes that far cheaper.
    """

    max_memory: int | None = None
    tile: tuple[int, int] | None = None
    halo: int | None = None


@dataclass(frozen=True)
class Tiling:
    """How a frame was cut, and how well its tiles agreed.

    Attributes:
        plan: Tiles, in pixels.
        exact: Whether the manifest says that tiles with this halo give what the whole frame does,
            up to rounding, for motion that stays within them.
        seam_max_abs: The largest difference of two neighbouring tiles where both are taken, in
            [0, 1]; ``None`` for a single tile.
        seam_psnr_db: Their PSNR there; ``None`` for a single tile or no difference at all.
        peak_bytes: The most the process held meanwhile; ``None`` where that cannot be told.
        max_memory: What it was allowed; ``None`` without a limit.
    """

    plan: TilePlan
    exact: bool
    seam_max_abs: float | None
    seam_psnr_db: float | None
    peak_bytes: int | None
    max_memory: int | None

    @property
    def over_budget(self) -> bool:
        """Whether the process held more than it was allowed."""
        return None not in (self.peak_bytes, self.max_memory) and (
            self.peak_bytes > self.max_memory  # type: ignore[operator]
        )

    def in_words(self) -> str:
        """One line for people."""
        plan = self.plan
        if plan.count == 1:
            text = "one tile, the whole frame"
        else:
            kind = "exact" if self.exact else "blended"
            text = (
                f"{len(plan.columns)}x{len(plan.rows)} tiles of {plan.tile_width}x"
                f"{plan.tile_height}, halo {plan.halo} ({kind}), seams differ by "
                f"{self.seam_max_abs:.2g} at most"
            )
            if self.seam_psnr_db is not None:
                text += f" ({self.seam_psnr_db:.1f} dB)"
        if self.peak_bytes is not None:
            text += f"; peak memory {self.peak_bytes / 1e6:.0f} MB"
            if self.max_memory is not None:
                text += f" of {self.max_memory / 1e6:.0f} MB"
                text += ": too much" if self.over_budget else " allowed"
        return text


class TiledSession:
    """Runs frames of any size through a session in tiles; itself a :class:`Session`.

    Args:
        session: What runs the tiles. A graph of fixed size sets their size.
        request: How to cut.
        on_tile: Told after each tile how many are done, and of how many.

    Raises:
        InputError: tiles that the network cannot take, or a negative halo.
    """

    def __init__(
        self, session: Session, request: TilingRequest, on_tile: OnTile | None = None
    ) -> None:
        own = session.manifest
        self.inner, self.request, self.on_tile = session, request, on_tile
        # Any size comes in: padding is done tile by tile, without a padded copy of the frame.
        self.manifest: Manifest = own.model_copy(
            update={
                "size": SizeInfo(dynamic=True),
                "padding": PaddingInfo(multiple=1, mode=own.padding.mode),
            }
        )
        self.runtime, self.version = session.runtime, session.version
        self.accelerator, self.fallback = session.accelerator, session.fallback
        self.tiling: Tiling | None = None
        self._declared = own.tiling.halo if own.tiling is not None else DEFAULT_HALO
        self._plans: dict[tuple[int, int], TilePlan] = {}
        self._corrected: set[tuple[int, int]] = set()
        self._budget: TileBudget | None = None
        if request.halo is not None and request.halo < 0:
            raise InputError("the halo is negative", expected=">= 0", got=str(request.halo))
        size, tile = own.size, request.tile and (request.tile[1], request.tile[0])
        if not size.dynamic:
            fixed = (size.height or 0, size.width or 0)
            if tile not in (None, fixed):
                raise InputError(
                    f"{own.artifact.file} takes tiles of one size only",
                    expected=f"{size.width}x{size.height}",
                    got=f"{tile[1]}x{tile[0]}" if tile else "none",
                    fix="leave the size of the tiles out, or export with cdfi-export --dynamic",
                )
            tile = fixed
        self._tile = tile
        if tile is not None and any(side % own.padding.multiple for side in tile):
            raise InputError(
                "the tiles do not suit the network",
                expected=f"width and height in multiples of {own.padding.multiple}",
                got=f"{tile[1]}x{tile[0]}",
            )

    def run(self, frame0: NDArray[np.float32], frame2: NDArray[np.float32]) -> NDArray[np.float32]:
        """The raw middle frame; see :meth:`cdfi_runtime.runtimes.Session.run`.

        Args:
            frame0: ``(1, 3, H, W)`` float32 RGB in [0, 1], of any size.
            frame2: The same shape.

        Raises:
            InputError: not even small tiles fit into the memory that is allowed, or the tiles that
                were asked for are too small for their halo.
            ArtifactError: the network returned another shape, NaN or infinite values.
        """
        plan = self._plan(frame0, frame2)
        exact = self._exact(plan)
        seam = _Seam()
        result = np.empty_like(frame0)
        done = 0
        release_free_memory()
        restart_peak()
        for row in plan.rows:
            strip = np.empty((*frame0.shape[:2], row.end - row.begin, plan.width), np.float32)
            for column in plan.columns:
                tile = self._run_tile(plan, row, column, frame0, frame2)
                rows = slice(row.begin - row.start, row.end - row.start)
                columns = slice(column.begin - column.start, column.end - column.start)
                into = strip[..., column.begin : column.end]
                _join(into, tile[..., rows, columns], column.blend, -1, exact, seam)
                done += 1
                if done == 1 and self._overshot(plan):
                    return self.run(frame0, frame2)
                if self.on_tile is not None:
                    self.on_tile(done, plan.count)
            _join(result[..., row.begin : row.end, :], strip, row.blend, -2, exact, seam)
        peak = recent_peak_bytes()
        several = plan.count > 1
        self.tiling = Tiling(
            plan,
            exact,
            seam.largest if several else None,
            seam.psnr_db() if several else None,
            peak,
            self.request.max_memory,
        )
        return result

    def _run_tile(
        self, plan: TilePlan, row: Cut, column: Cut, frame0: Planes, frame2: Planes
    ) -> Planes:
        return self._run_at(
            (row.start, column.start), (plan.tile_height, plan.tile_width), frame0, frame2
        )

    def _run_at(
        self, start: tuple[int, int], tile: tuple[int, int], frame0: Planes, frame2: Planes
    ) -> Planes:
        mode = self.manifest.padding.mode
        cuts = [_cut(frame, start, tile, mode) for frame in (frame0, frame2)]
        raw = self.inner.run(*cuts)
        check_result(self.manifest.artifact.file, raw, cuts[0].shape)
        return raw

    def _plan(self, frame0: Planes, frame2: Planes) -> TilePlan:
        height, width = frame0.shape[-2:]
        known = self._plans.get((height, width))
        if known is None:
            known = self._plans[height, width] = self._new_plan(height, width, frame0, frame2)
        return known

    def _new_plan(self, height: int, width: int, frame0: Planes, frame2: Planes) -> TilePlan:
        multiple = self.inner.manifest.padding.multiple
        if self._tile is not None:
            tile = self._tile
            if self.inner.manifest.size.dynamic:  # no tile larger than the frame
                tile = (
                    min(tile[0], round_up(height, multiple)),
                    min(tile[1], round_up(width, multiple)),
                )
            plan = best_plan(
                plan_tiles(height, width, tile, multiple=multiple, halo=halo)
                for halo in self._halos()
            )
            if plan is None:
                halo = min(self._halos())
                least = smallest_tile(height, width, multiple=multiple, halo=halo)
                raise InputError(
                    f"the tiles are too small to cut frames of {width}x{height} pixels",
                    expected=f"{least[1]}x{least[0]} or more with a halo of {halo} pixels",
                    got=f"{tile[1]}x{tile[0]}",
                    fix="take larger tiles or a smaller --halo",
                )
            return plan

        def run_tile(tile_height: int, tile_width: int) -> None:
            self._run_at((0, 0), (tile_height, tile_width), frame0, frame2)

        if self.request.max_memory is None:
            whole = (round_up(height, multiple), round_up(width, multiple))
            plan = plan_tiles(height, width, whole, multiple=multiple, halo=0)
            assert plan is not None  # a single tile
            return plan
        if self._budget is None:
            self._budget = TileBudget(self.request.max_memory, run_tile)
        self._budget.run_tile = run_tile
        return self._budget.choose(height, width, multiple=multiple, halos=self._halos())

    def _overshot(self, plan: TilePlan) -> bool:
        """Whether the first tile took more than was allowed, and there is now a better plan."""
        size, peak = (plan.height, plan.width), recent_peak_bytes()
        allowed, budget = self.request.max_memory, self._budget
        if budget is None or allowed is None or peak is None or peak <= allowed:
            return False
        if size in self._corrected:
            return False  # what a runtime keeps for good does not shrink with its tiles
        self._corrected.add(size)
        budget.learn(plan.tile_height, plan.tile_width, peak)
        multiple = self.inner.manifest.padding.multiple
        self._plans[size] = budget.choose(*size, multiple=multiple, halos=self._halos())
        return True

    def _halos(self) -> tuple[int, ...]:
        if self.request.halo is not None:
            return (self.request.halo,)
        return tuple(self._declared * part // 8 for part in (8, 6, 4, 3, 2, 1))

    def _exact(self, plan: TilePlan) -> bool:
        own = self.inner.manifest.tiling
        return own is not None and own.exact and plan.halo >= own.halo


class _Seam:
    """Differences of neighbouring tiles."""

    def __init__(self) -> None:
        self.largest, self._squares, self._count = 0.0, 0.0, 0

    def add(self, difference: Planes) -> None:
        self.largest = max(self.largest, float(np.abs(difference).max()))
        self._squares += float(np.square(difference, dtype=np.float64).sum())
        self._count += difference.size

    def psnr_db(self) -> float | None:
        return -10 * math.log10(self._squares / self._count) if self._squares else None


def _join(into: Planes, part: Planes, blend: int, axis: int, exact: bool, seam: _Seam) -> None:
    """Write ``part`` over ``into``, whose first ``blend`` positions hold the tile before.

    Where tiles are exact, either value is right and the seam runs in the middle of those;
    elsewhere the one fades into the other.
    """
    if blend:
        former = np.moveaxis(into, axis, -1)[..., :blend]
        latter = np.moveaxis(part, axis, -1)[..., :blend]
        difference = latter - former
        seam.add(difference)
        if exact:
            former[..., blend // 2 :] = latter[..., blend // 2 :]
        else:
            share = (np.arange(blend, dtype=np.float32) + np.float32(0.5)) / np.float32(blend)
            former += share * difference
    rest = (slice(None),) * (into.ndim + axis) + (slice(blend, None),)
    into[rest] = part[rest]


def _cut(planes: Planes, start: tuple[int, int], tile: tuple[int, int], mode: Mode) -> Planes:
    """The tile that begins at ``start``, contiguous; what lies past the frame is padding."""
    for axis, first, length in ((-2, start[0], tile[0]), (-1, start[1], tile[1])):
        size = planes.shape[axis]
        if first + length <= size:
            planes = planes[(slice(None),) * (4 + axis) + (slice(first, first + length),)]
        else:
            taken = [source_index(place, size, mode) for place in range(first, first + length)]
            planes = planes.take(taken, axis)
    return np.ascontiguousarray(planes)
