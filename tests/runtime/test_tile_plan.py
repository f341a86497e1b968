"""Plans of tiles: every pixel once, with its context, from tiles of one shape inside the frame."""

from __future__ import annotations

from cdfi_runtime.padding import round_up
from cdfi_runtime.tiling import best_plan, cut_axis, fit_tiles, plan_tiles, smallest_tile
from hypothesis import given
from hypothesis import strategies as st

LENGTHS, MULTIPLES, HALOS = st.integers(1, 2000), st.sampled_from((1, 8, 32)), st.integers(0, 90)


@given(length=LENGTHS, multiple=MULTIPLES, halo=HALOS, units=st.integers(1, 40))
def test_an_axis_is_covered_with_context_everywhere(
    length: int, multiple: int, halo: int, units: int
) -> None:
    tile, padded = units * multiple, round_up(length, multiple)
    cuts = cut_axis(length, tile, multiple=multiple, halo=halo)
    if cuts is None:
        assert multiple < padded and tile < 2 * halo + 3 * multiple
        return
    assert cuts[0].begin == 0 and cuts[-1].end == length
    for index, cut in enumerate(cuts):
        first, last = index == 0, cut is cuts[-1]
        assert cut.start % multiple == 0
        assert 0 <= cut.start <= max(0, padded - tile)  # inside the frame and its padding
        assert cut.begin < cut.end <= cut.start + tile
        assert first or cut.begin >= cut.start + halo
        assert last or cut.end <= cut.start + tile - halo
        assert cut.blend == (0 if first else multiple)
        if not first:
            former = cuts[index - 1]
            assert cut.begin + cut.blend == former.end  # shared by these two
            assert cut.begin >= former.begin + former.blend  # and by no third


@given(
    size=st.tuples(LENGTHS, LENGTHS),
    multiple=st.sampled_from((8, 32)),
    halo=HALOS,
    pixels=st.integers(1, 10**6),
)
def test_the_cheapest_plan_that_fits_is_found(
    size: tuple[int, int], multiple: int, halo: int, pixels: int
) -> None:
    plan = fit_tiles(
        *size, multiple=multiple, halo=halo, fits=lambda height, width: height * width <= pixels
    )
    least = smallest_tile(*size, multiple=multiple, halo=halo)
    if plan is None:
        assert least[0] * least[1] > pixels
        return
    assert plan.tile_height * plan.tile_width <= pixels
    assert plan.tile_height % multiple == plan.tile_width % multiple == 0
    # No tiles of other sides that fit compute less; a few sides on each axis are tried.
    for tile_height in range(least[0], round_up(size[0], multiple) + 1, 7 * multiple):
        for tile_width in range(least[1], round_up(size[1], multiple) + 1, 7 * multiple):
            other = plan_tiles(*size, (tile_height, tile_width), multiple=multiple, halo=halo)
            if tile_height * tile_width <= pixels and other is not None:
                assert plan.computed <= other.computed


def test_a_frame_of_4k_in_tiles() -> None:
    plan = plan_tiles(2160, 3840, (1088, 1920), multiple=32, halo=48)
    assert plan is not None
    assert [cut.start for cut in plan.rows] == [0, 544, 1088]
    assert [cut.start for cut in plan.columns] == [0, 960, 1920]
    assert plan.count == 9 and plan.computed == 9 * 1088 * 1920


def test_a_frame_that_fits_is_one_tile_of_its_padded_size() -> None:
    plan = fit_tiles(2160, 3840, multiple=32, halo=300, fits=lambda *tile: max(tile) <= 3840)
    assert plan is not None and plan.count == 1
    assert (plan.tile_height, plan.tile_width) == (2176, 3840)


def test_tiles_without_room_between_their_halos_are_no_plan() -> None:
    assert cut_axis(1000, 128, multiple=32, halo=48) is None
    assert cut_axis(1000, 160, multiple=32, halo=48) is not None


def test_the_widest_halo_that_is_worth_its_price_is_taken() -> None:
    size = (2160, 3840)
    plans = [plan_tiles(*size, (640, 640), multiple=32, halo=halo) for halo in (304, 200, 64, 16)]
    costs = [None if plan is None else plan.computed / (2160 * 3840) for plan in plans]
    assert costs[0] is None and costs[1] and costs[1] > 2.5 and costs[2] and costs[2] < 2.5
    assert best_plan(plans) is plans[2]
    assert best_plan(plans[:2]) is plans[1]
    assert best_plan(plans[:1]) is None
