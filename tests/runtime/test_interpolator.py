from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cdfi_runtime import interpolator as interpolator_module
from cdfi_runtime.errors import ArtifactError, InputError
from cdfi_runtime.interpolator import Interpolator


def _mean(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return ((a.astype(np.uint16) + b + 1) // 2).astype(np.uint8)  # halves up


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 40), (2, 3), (32, 64), (33, 65)])
@pytest.mark.parametrize("mode", ["reflect", "replicate"])
def test_any_size(make_artifact: Any, height: int, width: int, mode: str) -> None:
    generator = np.random.default_rng(0)
    a, b = generator.integers(0, 256, (2, height, width, 3), dtype=np.uint8)
    middle = Interpolator.load(make_artifact(mode=mode)).interpolate(a, b)
    assert middle.dtype == np.uint8
    np.testing.assert_allclose(middle, _mean(a, b), atol=1)
    assert np.mean(middle == _mean(a, b)) > 0.9 or middle.size < 20


def test_float_frames_and_batches(make_artifact: Any) -> None:
    model = Interpolator.load(str(make_artifact()), threads=1)
    generator = np.random.default_rng(0)
    a, b = generator.random((2, 3, 10, 11, 3))
    batch = model.interpolate(a, b)
    assert batch.dtype == np.float32
    assert batch.shape == a.shape
    np.testing.assert_allclose(batch, (a + b) / 2, atol=1e-6)
    np.testing.assert_array_equal(model.interpolate(a[1], b[1]), batch[1])


def test_inputs_are_left_alone(make_artifact: Any, frames: list[np.ndarray]) -> None:
    copies = [frame.copy() for frame in frames[:2]]
    Interpolator.load(make_artifact()).interpolate(frames[0], frames[1])
    np.testing.assert_array_equal(copies, frames[:2])


def test_results_are_clipped(make_artifact: Any) -> None:
    model = Interpolator.load(make_artifact("sum"))
    white = np.full((4, 4, 3), 255, np.uint8)
    assert model.interpolate(white, white).min() == 255
    assert model.interpolate(white / 255, white / 255).max() == 1


def test_fixed_size_artifacts_take_smaller_frames_only(
    make_artifact: Any, frames: list[np.ndarray]
) -> None:
    model = Interpolator.load(make_artifact(size=(32, 32)))
    np.testing.assert_allclose(
        model.interpolate(frames[0], frames[1]), _mean(frames[0], frames[1]), atol=1
    )
    large = np.zeros((32, 33, 3), np.uint8)
    with pytest.raises(InputError, match="--dynamic or --size 33x32"):
        model.interpolate(large, large)


def test_nan_results_are_refused_not_drawn_black(
    make_artifact: Any, frames: list[np.ndarray]
) -> None:
    model = Interpolator.load(make_artifact("nan"))
    with pytest.raises(ArtifactError, match="NaN or infinite"):
        model.interpolate(frames[0], frames[1])
    with pytest.raises(ArtifactError, match="NaN or infinite"):
        list(model.interpolate_sequence(frames))


def test_a_result_of_another_shape_is_refused(make_artifact: Any) -> None:
    model = Interpolator.load(make_artifact())

    class Session:
        manifest = model.manifest
        runtime, version, accelerator = "fake", "0", "cpu"

        def run(self, frame0: np.ndarray, frame2: np.ndarray) -> np.ndarray:
            return frame0[..., 1:] + frame2[..., 1:]

    frame = np.zeros((32, 32, 3), np.uint8)
    with pytest.raises(ArtifactError, match=r"\(1, 3, 32, 31\)"):
        Interpolator.from_session(Session()).interpolate(frame, frame)


@pytest.mark.parametrize("t", [0.25, 0.0, 1.0, float("nan")])
def test_other_times_are_refused_with_the_way_to_quarters(
    make_artifact: Any, frames: list[np.ndarray], t: float
) -> None:
    with pytest.raises(InputError, match="interpolate_sequence"):
        Interpolator.load(make_artifact()).interpolate(frames[0], frames[1], t=t)


def test_bad_frames_are_refused(make_artifact: Any, frames: list[np.ndarray]) -> None:
    model = Interpolator.load(make_artifact())
    with pytest.raises(InputError, match="different sizes"):
        model.interpolate(frames[0], frames[1][:-1])
    nan = np.full((4, 4, 3), np.nan, np.float32)
    with pytest.raises(InputError, match="frame0 holds NaN"):
        model.interpolate(nan, nan)


def test_properties(make_artifact: Any) -> None:
    model = Interpolator.load(make_artifact())
    assert model.manifest.network.name == "mean"
    assert (model.runtime, model.accelerator) == ("onnxruntime", "cpu")


def test_a_missing_default_model_is_explained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(interpolator_module, "__file__", str(tmp_path / "interpolator.py"))
    with pytest.raises(ArtifactError, match="no embedded model"):
        Interpolator.load()


@pytest.mark.parametrize("threads", [0, -1])
def test_threads_must_be_positive(make_artifact: Any, threads: int) -> None:
    with pytest.raises(InputError, match="threads"):
        Interpolator.load(make_artifact(), threads=threads)
