"""Where a large frame is cut into tiles, in integers alone, so that it ports to other languages.

All tiles of a plan have one shape, so that a runtime which prepares itself for a shape does so
once. They start at multiples of the network's stride, where its grids lie as they do in the whole
frame, and at the border they are moved inside rather than padded. Neighbours overlap by
``2 * halo + blend`` pixels at least: the ``blend`` pixels in the middle are taken from both, and
every pixel that is taken has ``halo`` pixels of its tile around it, or the border of the frame.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from cdfi_runtime.padding import round_up

# So many times the frame's pixels may be computed for the sake of a wider halo.
WORTH = 2.5


@dataclass(frozen=True)
class Cut:
    """One tile along one axis; positions are pixels of the frame.

    Attributes:
        start: Where the tile begins.
        begin: First pixel that is taken from it.
        blend: So many pixels from ``begin`` on are taken from the tile before as well.
        end: One past the last pixel that is taken from it.
    """

    start: int
    begin: int
    blend: int
    end: int


@dataclass(frozen=True)
class TilePlan:
    """How a frame is cut; sizes in pixels."""

    height: int
    width: int
    tile_height: int
    tile_width: int
    halo: int
    rows: tuple[Cut, ...]
    columns: tuple[Cut, ...]

    @property
    def count(self) -> int:
        """Number of tiles."""
        return len(self.rows) * len(self.columns)

    @property
    def computed(self) -> int:
        """Pixels that are computed in all, overlaps as often as they are."""
        return self.count * self.tile_height * self.tile_width


def cut_axis(length: int, tile: int, *, multiple: int, halo: int) -> tuple[Cut, ...] | None:
    """The tiles along an axis of ``length`` pixels; ``None`` if so small a tile cannot go on.

    Args:
        length: Pixels of the frame.
        tile: Pixels of a tile, a multiple of ``multiple``. A single tile may be longer than the
            frame, and the last of several may end past it, by less than ``multiple``.
        multiple: Tiles start at multiples of it; so many pixels are taken from both neighbours.
        halo: Pixels around what is taken from a tile.
    """
    padded = round_up(length, multiple)
    if tile >= padded:
        return (Cut(0, 0, 0, length),)
    step = tile // multiple - _overlap(multiple, halo)
    if step < 1:
        return None
    way = (padded - tile) // multiple  # from the first start to the last
    gaps = -(-way // step)
    starts = [index * way // gaps * multiple for index in range(gaps + 1)]
    # The shared pixels lie in the middle of an overlap, which reaches from ``after`` to the end of
    # the tile that begins at ``before``.
    joints = [
        (before + after + tile - multiple) // 2 for before, after in itertools.pairwise(starts)
    ]
    begins, ends = [0, *joints], [*(joint + multiple for joint in joints), length]
    return tuple(
        Cut(start, begin, multiple if begin else 0, end)
        for start, begin, end in zip(starts, begins, ends, strict=True)
    )


def plan_tiles(
    height: int, width: int, tile: tuple[int, int], *, multiple: int, halo: int
) -> TilePlan | None:
    """The plan with tiles of ``(height, width)`` pixels; ``None`` if they are too small for it."""
    rows = cut_axis(height, tile[0], multiple=multiple, halo=halo)
    columns = cut_axis(width, tile[1], multiple=multiple, halo=halo)
    if rows is None or columns is None:
        return None
    return TilePlan(height, width, *tile, halo, rows, columns)


def fit_tiles(
    height: int,
    width: int,
    *,
    multiple: int,
    halo: int,
    fits: Callable[[int, int], bool],
) -> TilePlan | None:
    """The plan that computes the fewest pixels with tiles that fit.

    Args:
        height: Pixels of the frame.
        width: Pixels of the frame.
        multiple: Sides and starts of tiles are multiples of it.
        halo: Pixels around what is taken from a tile.
        fits: Whether there is room for a tile of this height and width.

    Returns:
        ``None`` if not even the smallest tiles fit.
    """
    best: tuple[int, int, tuple[int, int]] | None = None
    for tile_height, down in _sides(height, multiple, halo):
        for tile_width, across in _sides(width, multiple, halo):
            if not fits(tile_height, tile_width):
                continue
            count = down * across
            key = (count * tile_height * tile_width, count, (tile_height, tile_width))
            best = key if best is None else min(best, key)
    return best and plan_tiles(height, width, best[2], multiple=multiple, halo=halo)


def smallest_tile(height: int, width: int, *, multiple: int, halo: int) -> tuple[int, int]:
    """Height and width of the smallest tile that a frame can be cut into."""
    least = (_overlap(multiple, halo) + 1) * multiple
    return min(round_up(height, multiple), least), min(round_up(width, multiple), least)


def best_plan(plans: Iterable[TilePlan | None]) -> TilePlan | None:
    """The first plan that is worth its price, else the one that computes the fewest pixels.

    Args:
        plans: In falling order of their halos; what is ``None`` does not count.
    """
    cheapest: TilePlan | None = None
    for plan in plans:
        if plan is None:
            continue
        if plan.computed <= WORTH * plan.height * plan.width:
            return plan
        if cheapest is None or plan.computed < cheapest.computed:
            cheapest = plan
    return cheapest


def _overlap(multiple: int, halo: int) -> int:
    """Of neighbouring tiles, at least, in units of ``multiple``."""
    return -(-(2 * halo + multiple) // multiple)


def _sides(length: int, multiple: int, halo: int) -> Iterator[tuple[int, int]]:
    """The shortest tile for one tile, for two, ... along an axis, with that number."""
    units, overlap = round_up(length, multiple) // multiple, _overlap(multiple, halo)
    count, shortest = 1, units
    while True:
        yield shortest * multiple, count
        if shortest <= overlap + 1:
            return
        former = shortest
        while shortest == former:
            count += 1
            shortest = -(-(units + (count - 1) * overlap) // count)
