from __future__ import annotations

import numpy as np
import pytest
from cdfi_runtime.errors import ArtifactError, InputError
from cdfi_runtime.manifest import SizeInfo
from cdfi_runtime.padding import crop, graph_size, pad, round_up, source_index
from hypothesis import given
from hypothesis import strategies as st

_MODES = st.sampled_from(["reflect", "replicate"])
_NUMPY = {"reflect": "reflect", "replicate": "edge"}


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 48), _MODES)
def test_padding_keeps_the_frame_and_crops_back(h: int, w: int, multiple: int, mode: str) -> None:
    planes = np.arange(3 * h * w, dtype=np.float32).reshape(1, 3, h, w)
    height, width = round_up(h, multiple), round_up(w, multiple)
    padded = pad(planes, height, width, mode)  # type: ignore[arg-type]
    assert padded.shape == (1, 3, height, width)
    assert padded.flags.c_contiguous
    assert height % multiple == 0
    assert height - h < multiple
    np.testing.assert_array_equal(crop(padded, h, w), planes)


@given(st.integers(1, 20), st.integers(0, 60), _MODES)
def test_one_axis_is_padded_as_numpy_does(length: int, extra: int, mode: str) -> None:
    axis = np.arange(length)
    ours = [source_index(i, length, mode) for i in range(length + extra)]  # type: ignore[arg-type]
    expected = np.pad(axis, (0, extra), mode=_NUMPY[mode])  # type: ignore[call-overload]
    assert ours == expected.tolist()


def test_tiny_frames_are_mirrored_again_and_again() -> None:
    assert [source_index(i, 3, "reflect") for i in range(9)] == [0, 1, 2, 1, 0, 1, 2, 1, 0]
    assert [source_index(i, 1, "reflect") for i in range(4)] == [0, 0, 0, 0]


def test_graph_size(make_artifact) -> None:  # type: ignore[no-untyped-def]
    from cdfi_runtime.manifest import load_manifest

    dynamic = load_manifest(make_artifact())
    assert graph_size(dynamic, 1, 33) == (32, 64)
    fixed = load_manifest(make_artifact(size=(64, 32)))
    assert graph_size(fixed, 1, 1) == (32, 64)
    assert graph_size(fixed, 32, 64) == (32, 64)
    with pytest.raises(InputError, match="--size 65x32"):
        graph_size(fixed, 32, 65)
    with pytest.raises(InputError, match="at most 64x32"):
        graph_size(fixed, 33, 64)
    broken = fixed.model_copy(update={"size": SizeInfo(dynamic=False)})
    with pytest.raises(ArtifactError, match="no frame size"):
        graph_size(broken, 1, 1)
