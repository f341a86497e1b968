from __future__ import annotations

import numpy as np
import pytest
from cdfi_runtime.errors import InputError
from cdfi_runtime.frames import check_frame, check_pair, from_network, round_to_uint8, to_network
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

_SHAPES = st.one_of(
    st.tuples(st.integers(1, 5), st.integers(1, 5), st.just(3)),
    st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5), st.just(3)),
)


@given(hnp.arrays(np.uint8, _SHAPES))
def test_uint8_frames_survive_the_way_to_the_network_and_back(frame: np.ndarray) -> None:
    planes = to_network(frame)
    assert planes.dtype == np.float32
    assert planes.flags.c_contiguous
    assert planes.ndim == 4
    assert planes.shape[1] == 3
    assert 0 <= planes.min() <= planes.max() <= 1
    back = from_network(planes, like=frame)
    assert back.dtype == np.uint8
    np.testing.assert_array_equal(back, frame)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float_frames_come_back_as_float32_clipped(dtype: type) -> None:
    frame = np.linspace(0, 1, 4 * 5 * 3, dtype=dtype).reshape(4, 5, 3)
    back = from_network(to_network(frame) * 3 - 1, like=frame)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, np.clip(frame * 3 - 1, 0, 1), atol=1e-6)


def test_strided_views_are_taken() -> None:
    frame = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)[::-1, ::2]
    check_frame(frame)
    np.testing.assert_array_equal(to_network(frame)[0, 1] * 255, frame[..., 1])


def test_halves_are_rounded_up() -> None:
    values = np.array([0.0, 0.49 / 255, 0.5 / 255, 1.5 / 255, 2.5 / 255, 254.5 / 255, 1.0, 7.0, -1])
    assert round_to_uint8(values).tolist() == [0, 0, 1, 2, 3, 255, 255, 255, 0]


def test_rounding_refuses_nan_and_integers() -> None:
    with pytest.raises(InputError, match=r"NaN.*\n.*\n.*1 of 2"):
        round_to_uint8(np.array([0.5, np.nan]))
    with pytest.raises(InputError, match="int32"):
        round_to_uint8(np.array([1], dtype=np.int32))


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ([[0.0]], "no numpy array"),
        (np.zeros((4, 4), np.uint8), "grey"),
        (np.zeros((4, 4, 1), np.uint8), "grey"),
        (np.zeros((4, 4, 4), np.uint8), "alpha"),
        (np.zeros((3, 4, 5), np.uint8), "channels last"),
        (np.zeros((2, 3, 4, 5), np.uint8), "channels last"),
        (np.zeros((2, 4, 5), np.uint8), "three channels"),
        (np.zeros((), np.uint8), "one frame"),
        (np.zeros((1, 1, 4, 4, 3), np.uint8), "one frame"),
        (np.zeros((0, 4, 3), np.uint8), "no pixels"),
        (np.zeros((0, 4, 4, 3), np.uint8), "no pixels"),
        (np.zeros((4, 4, 3), np.uint16), "uint16"),
        (np.zeros((4, 4, 3), np.float16), "float16"),
        (np.zeros((4, 4, 3), bool), "bool"),
        (np.full((4, 4, 3), 255.0), "divide by 255"),
        (np.full((4, 4, 3), 1.25), "1.25"),
        (np.full((4, 4, 3), -0.5, np.float32), "-0.5"),
        (np.full((2, 2, 3), np.inf), "12 of 12"),
    ],
)
def test_what_is_no_frame_is_refused_with_a_reason(frame: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_frame(frame)  # type: ignore[arg-type]


def test_a_single_nan_is_found_and_counted() -> None:
    frame = np.zeros((4, 5, 3), np.float32)
    frame[2, 3, 1] = np.nan
    with pytest.raises(InputError, match=r"frame2 holds NaN.*\n.*\n.*1 of 60"):
        check_pair(np.zeros_like(frame), frame)


def test_pairs_must_match() -> None:
    frame = np.zeros((4, 5, 3), np.uint8)
    with pytest.raises(InputError, match="different sizes"):
        check_pair(frame, np.zeros((5, 4, 3), np.uint8))
    with pytest.raises(InputError, match="different sizes"):
        check_pair(frame, frame[np.newaxis])
    with pytest.raises(InputError, match="different data types"):
        check_pair(frame, frame.astype(np.float32))
