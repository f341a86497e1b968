from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from cdfi_runtime.backends.onnxruntime import OnnxSession
from cdfi_runtime.errors import InputError
from cdfi_runtime.interpolator import Interpolator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    times=st.lists(st.floats(0, 1, width=32), min_size=1, max_size=5),
    halvings=st.integers(1, 4),
)
def test_times_are_evenly_spaced_and_given_frames_stay(
    make_artifact: Any, times: list[float], halvings: int
) -> None:
    """Frames that show their time as brightness: the mean of two shows the time half way."""
    model = Interpolator.load(make_artifact(), threads=1)
    factor = 2**halvings
    given_frames = [np.full((1, 2, 3), time, np.float32) for time in times]
    result = list(model.interpolate_sequence(given_frames, factor))
    assert len(result) == (len(times) - 1) * factor + 1
    for start, frame in enumerate(given_frames):
        np.testing.assert_array_equal(result[start * factor], frame)
    positions = np.arange(len(result)) / factor
    expected = np.interp(positions, np.arange(len(times)), times)
    np.testing.assert_allclose([frame[0, 0, 0] for frame in result], expected, atol=1e-5)


def test_the_middle_is_the_same_frame_as_interpolate_gives(
    make_artifact: Any, frames: list[np.ndarray]
) -> None:
    model = Interpolator.load(make_artifact())
    result = list(model.interpolate_sequence(frames[:2], 4))
    np.testing.assert_array_equal(result[2], model.interpolate(frames[0], frames[1]))
    assert all(frame.dtype == np.uint8 for frame in result)


def test_halving_works_on_unrounded_frames(make_artifact: Any) -> None:
    """From 0 to 3: the middle 1.5 is shown as 2, but the quarter is 0.75 -> 1, not (0 + 2) / 2."""
    model = Interpolator.load(make_artifact())
    ends = [np.full((1, 1, 3), value, np.uint8) for value in (0, 10)]
    shown = [int(frame[0, 0, 0]) for frame in model.interpolate_sequence(ends, 8)]
    assert shown == [0, 1, 3, 4, 5, 6, 8, 9, 10]  # 1.25 2.5 3.75 5 6.25 7.5 8.75, halves up


def test_the_network_is_never_given_values_outside_its_range(make_artifact: Any) -> None:
    """Results of a network that overshoots are clipped before they are halved again."""
    session = OnnxSession(make_artifact("sum"))
    seen: list[float] = []

    class Watched:
        manifest = session.manifest
        runtime, version, accelerator = "watched", "0", "cpu"

        def run(self, frame0: np.ndarray, frame2: np.ndarray) -> np.ndarray:
            seen.extend((float(frame0.max()), float(frame2.max())))
            return session.run(frame0, frame2)

    ends = [np.full((1, 1, 3), 200, np.uint8)] * 2
    list(Interpolator.from_session(Watched()).interpolate_sequence(ends, 4))
    assert len(seen) == 6
    assert max(seen) == 1


def test_only_two_given_frames_are_held(make_artifact: Any, frames: list[np.ndarray]) -> None:
    taken = 0

    def endless() -> Iterator[np.ndarray]:
        nonlocal taken
        while True:
            yield frames[taken % len(frames)]
            taken += 1

    sequence = Interpolator.load(make_artifact()).interpolate_sequence(endless(), 4)
    for _ in range(9):
        next(sequence)
    assert taken <= 2


def test_short_sequences(make_artifact: Any, frames: list[np.ndarray]) -> None:
    model = Interpolator.load(make_artifact())
    assert list(model.interpolate_sequence([])) == []
    (only,) = model.interpolate_sequence(frames[:1])
    np.testing.assert_array_equal(only, frames[0])


def test_float64_sequences_are_float32_throughout(make_artifact: Any) -> None:
    model = Interpolator.load(make_artifact())
    ends = [np.zeros((2, 2, 3)), np.ones((2, 2, 3))]
    assert {frame.dtype for frame in model.interpolate_sequence(ends)} == {np.dtype(np.float32)}


@pytest.mark.parametrize("factor", [0, 1, 3, 6, -2, 2.0])
def test_bad_factors_are_refused_at_once(make_artifact: Any, factor: Any) -> None:
    with pytest.raises(InputError, match="powers of two"):
        Interpolator.load(make_artifact()).interpolate_sequence([], factor)


def test_a_bad_frame_is_named(make_artifact: Any, frames: list[np.ndarray]) -> None:
    model = Interpolator.load(make_artifact())
    with pytest.raises(InputError, match="frame 1 and frame 2 have different sizes"):
        list(model.interpolate_sequence([*frames[:2], frames[2][1:]]))
    with pytest.raises(InputError, match="frame 0"):
        list(model.interpolate_sequence([frames[0][..., 0]]))
