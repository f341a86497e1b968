"""Frames in tiles: exact where the halo allows, reported where it does not, within a budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from cdfi_runtime import Interpolator, tile_budget, tiled
from cdfi_runtime.errors import ArtifactError, InputError
from cdfi_runtime.frames import to_network
from cdfi_runtime.images import read_image
from cdfi_runtime.interpolator import embedded_model
from cdfi_runtime.manifest import Manifest, PaddingInfo, SizeInfo, TilingInfo, load_manifest
from cdfi_runtime.middle import raw_middle
from cdfi_runtime.runtimes import open_artifact
from cdfi_runtime.samples import sample_triplet
from cdfi_runtime.tile_budget import TileBudget
from cdfi_runtime.tiled import TiledSession, TilingRequest
from numpy.typing import NDArray

Planes = NDArray[np.float32]
REACH = 5
MULTIPLE = 8


def local(frame0: Planes, frame2: Planes) -> Planes:
    """Of each pixel what lies 5 pixels around, zeros past the border; and the place in a grid."""
    result = np.zeros_like(frame0)
    for image, steps in ((frame0, (-REACH, 2)), (frame2, (REACH, -3))):
        for step in steps:
            for axis in (-2, -1):
                moved = np.roll(image, step, axis)
                edge = slice(0, step) if step > 0 else slice(step, None)
                np.moveaxis(moved, axis, -1)[..., edge] = 0
                result += moved
    height, width = frame0.shape[-2:]
    grid = np.arange(height)[:, None] % MULTIPLE + np.arange(width) % MULTIPLE
    return (result / 8 + grid.astype(np.float32) / 100).astype(np.float32)


def by_position(frame0: Planes, frame2: Planes) -> Planes:
    """A ramp over the tile: no halo makes this exact."""
    ramp = np.linspace(0, 0.01, frame0.shape[-1], dtype=np.float32)
    return np.asarray((frame0 + frame2) / 2 + ramp, np.float32)


@dataclass
class Fake:
    """A session in numpy that writes down what it was given."""

    compute: Callable[[Planes, Planes], Planes]
    size: tuple[int, int] | None = None
    halo: int | None = REACH
    shapes: list[tuple[int, ...]] = field(default_factory=list)
    runtime, version, accelerator, fallback = "numpy", "0", "cpu", None

    @property
    def manifest(self) -> Manifest:
        """That of the default with other rules."""
        rules = {
            "size": SizeInfo(
                dynamic=self.size is None,
                width=self.size and self.size[0],
                height=self.size and self.size[1],
            ),
            "padding": PaddingInfo(multiple=MULTIPLE),
            "tiling": None if self.halo is None else TilingInfo(halo=self.halo, exact=True),
        }
        return load_manifest(embedded_model()).model_copy(update=rules)

    def run(self, frame0: Planes, frame2: Planes) -> Planes:
        """See :class:`cdfi_runtime.runtimes.Session`."""
        assert frame0.flags.c_contiguous and frame2.flags.c_contiguous
        self.shapes.append(frame0.shape)
        return self.compute(frame0, frame2)


def random_pair(height: int, width: int) -> list[Planes]:
    generator = np.random.default_rng(3)
    return [generator.random((1, 3, height, width), dtype=np.float32) for _ in range(2)]


@pytest.mark.parametrize("size", [(97, 131), (24, 200), (200, 24), (96, 128), (1, 1), (3, 77)])
@pytest.mark.parametrize("tile", [(32, 40), (64, 32)])
def test_tiles_with_the_declared_halo_are_the_whole_frame_bit_for_bit(
    size: tuple[int, int], tile: tuple[int, int]
) -> None:
    pair = random_pair(*size)
    session = TiledSession(Fake(local), TilingRequest(tile=tile, halo=REACH))
    np.testing.assert_array_equal(raw_middle(session, *pair), raw_middle(Fake(local), *pair))
    assert session.tiling is not None and session.tiling.exact
    several = session.tiling.plan.count > 1
    assert session.tiling.seam_max_abs == (0 if several else None)
    assert session.tiling.seam_psnr_db is None


def test_all_tiles_have_one_shape() -> None:
    fake = Fake(local)
    TiledSession(fake, TilingRequest(tile=(40, 32), halo=REACH)).run(*random_pair(101, 203))
    assert len(fake.shapes) > 10 and set(fake.shapes) == {(1, 3, 32, 40)}


def test_a_halo_below_the_declared_one_is_called_inexact_and_shows_at_the_seams() -> None:
    pair = random_pair(96, 128)
    session = TiledSession(Fake(local), TilingRequest(tile=(40, 40), halo=0))
    result = raw_middle(session, *pair)
    assert session.tiling is not None and not session.tiling.exact
    assert session.tiling.seam_max_abs is not None and session.tiling.seam_max_abs > 0.01
    assert np.abs(result - raw_middle(Fake(local), *pair)).max() > 0.01


def test_what_depends_on_the_place_in_a_tile_is_reported_and_faded() -> None:
    pair = [np.full((1, 3, 32, 192), 0.5, np.float32)] * 2
    session = TiledSession(Fake(by_position, halo=None), TilingRequest(tile=(64, 32), halo=8))
    row = raw_middle(session, *pair)[0, 0, 0] - 0.5
    assert session.tiling is not None and not session.tiling.exact
    # Tiles lie 40 pixels apart or less, so that ramps of 0.01 over 64 pixels differ by so much.
    assert session.tiling.plan.columns[1].start == 40 - 8
    assert session.tiling.seam_max_abs == pytest.approx(0.01 * 32 / 63, rel=1e-3)
    assert session.tiling.seam_psnr_db == pytest.approx(45.9, abs=0.1)
    # A hard edge would be a step by that; faded over 8 pixels each step is an eighth of it.
    assert np.abs(np.diff(row)).max() < 0.01 * 32 / 63 / 6
    assert "blended" in session.tiling.in_words()


def test_a_graph_of_fixed_size_takes_larger_frames_by_tiles_of_its_size() -> None:
    fake, pair = Fake(local, size=(48, 40)), random_pair(90, 150)
    with pytest.raises(InputError, match="larger than"):
        raw_middle(fake, *pair)
    session = TiledSession(fake, TilingRequest(halo=REACH))
    np.testing.assert_array_equal(raw_middle(session, *pair), raw_middle(Fake(local), *pair))
    assert set(fake.shapes) == {(1, 3, 40, 48)}
    with pytest.raises(InputError, match="tiles of one size only"):
        TiledSession(fake, TilingRequest(tile=(40, 40)))


def test_unsuitable_tiles_are_refused() -> None:
    with pytest.raises(InputError, match="multiples of 8"):
        TiledSession(Fake(local), TilingRequest(tile=(40, 36)))
    session = TiledSession(Fake(local), TilingRequest(tile=(40, 24), halo=REACH))
    with pytest.raises(InputError, match="too small to cut frames of 60x40") as caught:
        session.run(*random_pair(40, 60))
    assert caught.value.expected == "32x32 or more with a halo of 5 pixels"
    session.run(*random_pair(24, 60))  # nothing to cut along the short side


def test_a_damaged_tile_is_refused_at_once() -> None:
    fake = Fake(lambda *frames: np.full_like(frames[0], np.nan))
    session = TiledSession(fake, TilingRequest(tile=(40, 40), halo=0))
    with pytest.raises(ArtifactError, match="NaN"):
        session.run(*random_pair(96, 128))
    assert len(fake.shapes) == 1


def test_each_tile_is_told() -> None:
    told: list[tuple[int, int]] = []
    session = TiledSession(
        Fake(local),
        TilingRequest(tile=(64, 64), halo=0),
        lambda done, count: told.append((done, count)),
    )
    session.run(*random_pair(64, 150))
    assert told == [(1, 3), (2, 3), (3, 3)]


class Memory:
    """A process that holds 100 MB, and 1000 bytes for each pixel of the tile that it runs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, restarts: bool = True) -> None:
        self.peak, self.restarts, self.per_pixel = 100 * 10**6, restarts, 1000
        self.tiles: list[tuple[int, int]] = []
        for module in (tile_budget, tiled):
            monkeypatch.setattr(module, "restart_peak", self.restart)
            monkeypatch.setattr(module, "recent_peak_bytes", lambda: self.peak)

    def restart(self) -> None:
        if self.restarts:
            self.peak = 100 * 10**6

    def run_tile(self, height: int, width: int) -> None:
        self.tiles.append((height, width))
        self.peak = max(self.peak, 100 * 10**6 + self.per_pixel * height * width)


@pytest.mark.parametrize("restarts", [True, False])
def test_the_largest_tiles_that_fit_are_chosen_by_probes(
    monkeypatch: pytest.MonkeyPatch, restarts: bool
) -> None:
    memory = Memory(monkeypatch, restarts=restarts)
    budget = TileBudget(2 * 10**9, memory.run_tile)
    plan = budget.choose(2160, 3840, multiple=32, halos=(64, 32))
    assert max(memory.tiles) == (512, 512)
    assert plan.halo == 64 and plan.count > 1
    result = 24 * 2160 * 3840 + 12 * 3840 * plan.tile_height
    needed = 100 * 10**6 + 1000 * plan.tile_height * plan.tile_width + result
    assert 1.2 * 10**9 < needed <= 2 * 10**9
    # The next larger frame needs no new probes.
    probes = len(memory.tiles)
    budget.choose(2160, 4096, multiple=32, halos=(64,))
    assert len(memory.tiles) == probes


def test_memory_that_a_runtime_kept_makes_nothing_look_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory = Memory(monkeypatch, restarts=False)
    memory.peak = 1000 * 10**6  # as a tile of 948x948 leaves behind
    plan = TileBudget(4 * 10**9, memory.run_tile).choose(4320, 7680, multiple=32, halos=(64,))
    assert max(memory.tiles) > (948, 948)
    result = 24 * 4320 * 7680 + 12 * 7680 * plan.tile_height
    assert 100 * 10**6 + 1000 * plan.tile_height * plan.tile_width + result <= 4 * 10**9


def test_a_budget_too_small_names_the_least_that_would_do(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory(monkeypatch)
    with pytest.raises(InputError, match="do not fit") as caught:
        TileBudget(200 * 10**6, memory.run_tile).choose(2160, 3840, multiple=32, halos=(64, 32))
    least = int(str(caught.value.expected).split()[1].removesuffix("M"))
    with pytest.raises(InputError):
        TileBudget((least - 2) * 10**6, memory.run_tile).choose(
            2160, 3840, multiple=32, halos=(64, 32)
        )
    plan = TileBudget(least * 10**6, memory.run_tile).choose(
        2160, 3840, multiple=32, halos=(64, 32)
    )
    assert plan.halo == 32


def test_less_halo_is_taken_where_the_full_one_costs_too_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory = Memory(monkeypatch)
    roomy = TileBudget(8 * 10**9, memory.run_tile).choose(2160, 3840, multiple=32, halos=(300, 75))
    tight = TileBudget(10**9, memory.run_tile).choose(2160, 3840, multiple=32, halos=(300, 75))
    assert (roomy.halo, tight.halo) == (300, 75)


def test_a_first_tile_that_takes_more_than_foreseen_is_followed_by_smaller_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory = Memory(monkeypatch)

    def compute(frame0: Planes, frame2: Planes) -> Planes:
        height, width = frame0.shape[-2:]
        memory.run_tile(height, width)
        beyond = max(0, height * width - 200 * 200)  # 3000 bytes for each pixel past the probes
        memory.peak = max(memory.peak, 100 * 10**6 + 1000 * height * width + 2000 * beyond)
        return local(frame0, frame2)

    pair = random_pair(400, 600)
    monkeypatch.setattr(tile_budget, "LAST_PROBE", 128)
    session = TiledSession(Fake(compute), TilingRequest(max_memory=300 * 10**6, halo=REACH))
    np.testing.assert_array_equal(raw_middle(session, *pair), raw_middle(Fake(local), *pair))
    large = max(height * width for height, width in memory.tiles)
    assert session.tiling is not None
    assert session.tiling.plan.tile_height * session.tiling.plan.tile_width < large
    assert not session.tiling.over_budget


def test_without_a_reading_of_memory_the_user_is_sent_to_tiles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tile_budget, "recent_peak_bytes", lambda: None)
    session = TiledSession(Fake(local), TilingRequest(max_memory=10**9))
    with pytest.raises(InputError, match="does not tell") as caught:
        session.run(*random_pair(64, 64))
    assert "--tile" in str(caught.value.fix)


@pytest.fixture(scope="module")
def wide_pair() -> list[Planes]:
    """The built-in pair side by side with its mirror image, 64 rows of it: (1, 3, 64, 768)."""
    first, _, last = sample_triplet()
    frames = (to_network(read_image(path))[..., 96:160, :] for path in (first, last))
    pair = [np.concatenate((frame, frame[..., ::-1]), -1)[..., :768] for frame in frames]
    return [np.ascontiguousarray(frame) for frame in pair]


def test_the_default_network_is_exact_with_the_halo_of_its_manifest(
    wide_pair: list[Planes],
) -> None:
    session = open_artifact(embedded_model(), threads=1)
    tiles = TiledSession(session, TilingRequest(tile=(736, 64), halo=307))
    assert session.manifest.tiling == TilingInfo(halo=307, exact=True)
    assert wide_pair[0].shape == (1, 3, 64, 768)
    got, wanted = raw_middle(tiles, *wide_pair), raw_middle(session, *wide_pair)
    assert tiles.tiling is not None and tiles.tiling.exact and tiles.tiling.plan.count == 2
    # Not to the bit: positions are scaled by the size of the tile. Eight bits are 4e-3.
    assert np.abs(got - wanted).max() < 1e-4
    assert 0 < (tiles.tiling.seam_max_abs or 0) < 1e-4
    near = TiledSession(session, TilingRequest(tile=(128, 64), halo=16))
    assert np.abs(raw_middle(near, *wide_pair) - wanted).max() > 1e-3


def test_load_takes_a_budget_and_reports(frames: list[np.ndarray]) -> None:
    plain = Interpolator.load(threads=1)
    assert plain.tiling is None
    model = Interpolator.load(threads=1, max_memory="8GiB")
    got = model.interpolate(frames[0], frames[1])
    np.testing.assert_array_equal(got, plain.interpolate(frames[0], frames[1]))
    assert model.tiling is not None and model.tiling.plan.count == 1
    assert model.tiling.max_memory == 8 * 2**30
    assert model.manifest == load_manifest(embedded_model())


def test_a_budget_below_what_the_process_holds_already_is_refused(frames: list[np.ndarray]) -> None:
    with pytest.raises(InputError, match="do not fit into the memory"):
        Interpolator.load(threads=1, max_memory="1M").interpolate(frames[0], frames[1])


def test_a_halo_alone_is_refused() -> None:
    with pytest.raises(InputError, match="a halo alone"):
        Interpolator.load(threads=1, halo=8)
    with pytest.raises(InputError, match="negative"):
        Interpolator.load(threads=1, halo=-1, tile=(64, 64))
