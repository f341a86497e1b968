"""``cdfi-run`` with --max-memory, --tile and --halo; amounts of memory; rounding in bands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cdfi_runtime import cli, memory
from cdfi_runtime.command import run_app
from cdfi_runtime.errors import InputError
from cdfi_runtime.frames import from_network, round_to_uint8
from cdfi_runtime.images import read_image, write_image
from cdfi_runtime.interpolator import Interpolator


def _run(*args: object) -> int:
    with pytest.raises(SystemExit) as end:
        run_app(cli.app, [str(arg) for arg in args])
    return int(end.value.code or 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three frames of 150x70 pixels."""
    folder, generator = tmp_path / "in", np.random.default_rng(5)
    folder.mkdir()
    for index in range(3):
        frame = generator.integers(0, 256, (70, 150, 3), dtype=np.uint8)
        write_image(folder / f"{index}.png", frame)
    return folder


def test_a_pair_in_tiles(
    make_artifact: Any, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair, out, model = [folder / "0.png", folder / "1.png"], tmp_path / "mid.png", make_artifact()
    options = ["--model", model, "--tile", "64x96", "--halo", 0]
    assert _run(*pair, "-o", out, *options) == 0
    whole = Interpolator.load(model).interpolate(*(read_image(path) for path in pair))
    np.testing.assert_array_equal(read_image(out), whole)
    said = " ".join(capsys.readouterr().err.split())
    assert "4x1 tiles of 64x96, halo 0 (blended), seams differ by 0 at most" in said
    assert "4/4" in said  # the bar of tiles


def test_a_fixed_graph_takes_larger_frames_of_a_folder(
    make_artifact: Any, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, out = make_artifact(size=(96, 64)), tmp_path / "out"
    assert _run(folder, "-o", tmp_path / "none", "--model", model) == 2
    assert "larger than" in capsys.readouterr().err
    assert _run(folder, "-o", out, "--model", model, "--max-memory", "4GiB", "--halo", 0) == 0
    assert len(list(out.iterdir())) == 5
    said = " ".join(capsys.readouterr().err.split())
    assert "2x2 tiles of 96x64" in said and "MB of 4295 MB allowed" in said


def test_a_budget_too_small_is_an_error_of_usage(
    make_artifact: Any, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, pair = tmp_path / "mid.png", [folder / "0.png", folder / "1.png"]
    for bad, message in (("2M", "--max-memory"), ("0G", "amount"), ("lots", "amount")):
        assert _run(*pair, "-o", out, "--model", make_artifact(), "--max-memory", bad) == 2
        assert message in capsys.readouterr().err
    assert _run(*pair, "-o", out, "--model", make_artifact(), "--tile", "64") == 2
    assert "WIDTHxHEIGHT" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("text", "amount"),
    [("2G", 2 * 10**9), ("1.5GB", 15 * 10**8), ("2GiB", 2**31), ("700 m", 7 * 10**8), ("9", 9)],
)
def test_amounts_of_memory(text: str, amount: int) -> None:
    assert memory.parse_bytes(text) == amount


@pytest.mark.parametrize("text", ["", "G", "-1G", "0", "1T", "1e9", "2 G B"])
def test_what_is_no_amount_of_memory(text: str) -> None:
    with pytest.raises(InputError, match="amount of memory"):
        memory.parse_bytes(text)


def test_the_least_amount_that_is_named_is_enough() -> None:
    assert memory.parse_bytes(memory.show_bytes(123_456_789)) >= 123_456_789


def test_the_peak_of_a_part_of_a_life_and_of_all_of_it() -> None:
    if memory.recent_peak_bytes() is None:
        pytest.skip("this system tells no peak")
    memory.restart_peak()
    before = memory.recent_peak_bytes()
    block = np.ones(60 * 2**20, np.uint8)
    high = memory.recent_peak_bytes()
    assert before is not None and high is not None and high >= before + 55 * 2**20
    del block
    memory.restart_peak()
    assert (memory.peak_bytes() or 0) >= high - 2**20  # the kernel counts pages in batches
    if Path("/proc/self/clear_refs").exists():
        assert (memory.recent_peak_bytes() or 0) < high - 50 * 2**20


def test_rounding_in_bands_is_rounding_at_once() -> None:
    planes = np.random.default_rng(1).random((2, 3, 300, 5), dtype=np.float32) * 1.2 - 0.1
    like = np.zeros((2, 300, 5, 3), np.uint8)
    wanted = round_to_uint8(planes.transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(from_network(planes, like), wanted)
    np.testing.assert_array_equal(from_network(planes[:1], like[0]), wanted[0])
