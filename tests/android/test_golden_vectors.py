"""The vectors that Kotlin is held to are what the Python packages compute today."""

from __future__ import annotations

import base64
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest


def _load() -> ModuleType:
    path = Path(__file__).with_name("golden_vectors.py")
    spec = importlib.util.spec_from_file_location("golden_vectors", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["golden_vectors"] = module
    spec.loader.exec_module(module)
    return module


golden = _load()
AGAIN = "something that android_demo/core mirrors has changed: run tests/android/golden_vectors.py"


@pytest.mark.parametrize("name", sorted(golden.EXACT))
def test_vectors_are_what_python_computes(name: str) -> None:
    assert (golden.FOLDER / name).read_bytes() == golden.dump(golden.EXACT[name]()), AGAIN


def test_the_pair_is_what_the_runtime_computes() -> None:
    fresh = golden.pair_vectors()
    for name in ("pair.json", "pair_manifest.json", "pair_first.rgb", "pair_second.rgb"):
        assert (golden.FOLDER / name).read_bytes() == fresh[name], AGAIN
    # The network's output differs in its last bits from processor to processor.
    stored, computed = (
        np.frombuffer(each, "<f4")
        for each in ((golden.FOLDER / "pair_output.f32").read_bytes(), fresh["pair_output.f32"])
    )
    assert np.abs(stored - computed).max() < 1e-4, AGAIN
    pictures = (
        np.frombuffer(each, np.uint8).astype(int)
        for each in ((golden.FOLDER / "pair_middle.rgb").read_bytes(), fresh["pair_middle.rgb"])
    )
    assert np.abs(np.subtract(*pictures)).max() <= 1, AGAIN


@pytest.mark.parametrize("matrix", sorted(golden.MATRICES))
@pytest.mark.parametrize("range_", sorted(golden.RANGES))
def test_the_fixed_point_is_the_standard_within_a_level(matrix: str, range_: str) -> None:
    """Against the formula in floating point: luma, chroma of one colour, and the way back."""
    colours = np.random.default_rng(1).integers(0, 256, (500, 3)).astype(np.uint8)
    formula = golden.yuv_formula(matrix, range_)
    offsets = np.array([golden.RANGES[range_][0], 128, 128])
    for colour in colours:
        frame = np.broadcast_to(colour, (2, 2, 3)).copy()
        planes = golden.to_yuv(frame, matrix, range_)
        exact = formula @ colour + offsets
        found = np.array([float(plane.flat[0]) for plane in planes])
        assert np.abs(found - np.clip(exact, 0, 255)).max() <= 0.51
        again = golden.to_rgb(*planes, matrix, range_)[0, 0].astype(float)
        back = np.clip(np.linalg.inv(formula) @ (found - offsets), 0, 255)
        assert np.abs(again - back).max() <= 0.55


def test_there_is_nothing_else_in_the_folder_and_little_of_it() -> None:
    files = [path for path in golden.FOLDER.iterdir() if path.is_file()]
    known = {*golden.EXACT, *golden.pair_vectors()}
    known |= {
        "benchmark_complete.json",
        "benchmark_failed.json",
    }  # tests of the phone's ways read them
    assert {path.name for path in files} == known
    assert sum(path.stat().st_size for path in files) < 300_000


def test_the_cases_of_manifests_say_something() -> None:
    content: dict[str, Any] = json.loads((golden.FOLDER / "manifests.json").read_text())
    accepted = [case["accepted"] for case in content["cases"]]
    assert 20 < sum(accepted) < len(accepted) - 100
    refused = {tuple(map(str, c["path"])) for c in content["cases"] if not c["accepted"]}
    assert all(tuple(map(str, path)) in refused for path, _ in golden.WRONG)


def test_noise_has_all_levels() -> None:
    frame = golden.noise(64, 36, 5)
    assert len(np.unique(frame)) > 250
    assert base64.b64decode(golden.text(frame)) == frame.tobytes()
