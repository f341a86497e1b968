"""Baselines without weights: what DIS does, and what is said where it cannot run."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from cdfi_bench.baselines import BASELINES
from cdfi_bench.cli import app
from cdfi_bench.gallery import Gallery
from cdfi_bench.quality import baseline_names, quality_report
from cdfi_bench.report import Report
from cdfi_model.data.image_sets import find_image_sets, sample_set
from cdfi_runtime.command import run_app
from cdfi_runtime.errors import UnknownNameError
from cdfi_runtime.metrics import psnr, to_8bit


def texture(height: int, width: int) -> np.ndarray:
    coarse = np.random.default_rng(5).random((height // 4 + 2, width // 4 + 2, 3))
    rows, columns = np.arange(height) / 4, np.arange(width) / 4
    y, x = rows.astype(int), columns.astype(int)
    fy, fx = (rows - y)[:, None, None], (columns - x)[None, :, None]
    top = coarse[y][:, x] * (1 - fx) + coarse[y][:, x + 1] * fx
    below = coarse[y + 1][:, x] * (1 - fx) + coarse[y + 1][:, x + 1] * fx
    return np.rint(255 * (top * (1 - fy) + below * fy)).astype(np.uint8)


def test_dis_finds_a_pan_that_averaging_blurs() -> None:
    wide = texture(96, 144)
    first, middle, last = (wide[:, shift : shift + 128] for shift in (0, 4, 8))
    found = {
        name: psnr(
            to_8bit(BASELINES.get(name).load().predict(first, last))[:, 16:-16],
            np.ascontiguousarray(middle[:, 16:-16]),
            data_range=255,
        )
        for name in ("average", "dis")
    }
    assert found["dis"] > 35 > 25 > found["average"]


def test_dis_does_not_prefer_one_direction() -> None:
    wide = texture(70, 90)
    first, last = wide[:, :80], wide[:, 6:86]
    dis = BASELINES.get("dis").load()
    assert np.allclose(dis.predict(first, last), dis.predict(last, first), atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (7, 90), (65, 3)])
def test_dis_takes_frames_of_any_size(size: tuple[int, int]) -> None:
    frame = texture(*size)
    out = BASELINES.get("dis").load().predict(frame, frame)
    assert out.shape == frame.shape and out.dtype == np.float32
    assert np.array_equal(to_8bit(out), frame), "two equal frames have that frame between them"


def test_dis_is_a_row_compared_with_averaging() -> None:
    report = quality_report([], [sample_set()], baselines=["dis"])
    average, dis = report.rows
    assert (average.subject, dis.subject) == ("frame average", "OpenCV DIS")
    assert average.quality is not None and dis.quality is not None
    assert dis.quality.reference == "frame average"
    assert dis.quality.psnr_difference_db == pytest.approx(
        dis.quality.psnr_db - average.quality.psnr_db
    )
    assert dis.artifact is None and dis.unmeasured["artifact"] == "a baseline has none"


def test_without_opencv_the_row_is_skipped_with_its_reason(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(SystemExit) as end:
        run_app(app, ["quality", "--data", str(images), "--out", str(tmp_path)])
    assert end.value.code == 0
    rows = Report.model_validate_json((tmp_path / "quality.json").read_text()).rows
    assert [row.verdict.status for row in rows] == ["pass", "skip"]
    assert rows[1].quality is None and "cv2" in rows[1].unmeasured["quality"]
    assert "cdfi-mobile[video]" in rows[1].verdict.reason


def test_average_comes_first_and_once() -> None:
    assert baseline_names(["dis", "average", "dis"]) == ["average", "dis"]


def test_unknown_baseline_lists_the_known() -> None:
    with pytest.raises(UnknownNameError, match="average, dis"):
        quality_report([], [sample_set()], baselines=["disk"])


def test_gallery_shows_subjects_and_baselines_only_without_any(tint, images: Path) -> None:
    sets = find_image_sets(images / "scenes")
    for subjects, shown in (([tint.weights], tint.weights.name), ([], "frame average")):
        gallery = Gallery()
        quality_report(subjects, sets, gallery=gallery)
        assert {case.subject for case in gallery.cases()} == {shown}


def test_video_is_measured_by_its_odd_frames(tmp_path: Path) -> None:
    import av

    wide = texture(64, 140)
    with av.open(str(tmp_path / "pan.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "bgr0"
        for shift in range(0, 10, 2):
            frame = np.ascontiguousarray(wide[:, shift : shift + 96])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    with pytest.raises(SystemExit) as end:
        run_app(app, ["quality", "--data", str(tmp_path / "pan.mkv"), "--out", str(tmp_path)])
    assert end.value.code == 0
    average, dis = Report.model_validate_json((tmp_path / "quality.json").read_text()).rows
    assert average.input is not None
    assert (average.input.image_set, average.input.images) == ("pan", 2)
    assert dis.quality is not None and dis.quality.psnr_difference_db is not None
    assert dis.quality.psnr_difference_db > 3
