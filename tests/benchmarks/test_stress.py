"""The scenes made to fail: true middles, and a picture of what the default makes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from cdfi_bench.stress import HEIGHT, WIDTH, app, stress_scenes
from cdfi_runtime.images import read_image
from typer.testing import CliRunner


def test_every_scene_moves_evenly() -> None:
    scenes = list(stress_scenes())
    assert len({name for name, *_ in scenes}) == len(scenes) == 3
    for _, *frames in scenes:
        assert all(frame.shape == (HEIGHT, WIDTH, 3) for frame in frames)
        assert all(frame.dtype == np.uint8 for frame in frames)
    _, start, middle, end = scenes[2]
    assert np.array_equal(start[:, : WIDTH - 48], middle[:, 48:])
    assert np.array_equal(middle[:, : WIDTH - 48], end[:, 48:])


def test_the_picture_and_the_figures(tmp_path: Path) -> None:
    out = tmp_path / "failures.png"
    result = CliRunner().invoke(app, [str(out)])
    assert result.exit_code == 0, result.output
    assert result.output.count(" dB") == 3
    picture = read_image(out)
    assert picture.shape == (3 * HEIGHT + 2 * 4, 3 * WIDTH + 2 * 4, 3)
