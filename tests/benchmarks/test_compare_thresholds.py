"""The thresholds file: what is left out is as built in, what is wrong is named."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from cdfi_bench.compare.thresholds import RowLimits, Thresholds, read_thresholds
from cdfi_runtime.errors import InputError

OURS = Path(__file__).parents[2] / "benchmarks/thresholds.toml"


def read(tmp_path: Path, text: str) -> Thresholds:
    path = tmp_path / "limits.toml"
    path.write_text(text)
    return read_thresholds(path)


def test_our_file_names_every_key_with_what_is_built_in() -> None:
    raw = tomllib.loads(OURS.read_text())
    assert raw == RowLimits().model_dump()
    assert read_thresholds(OURS).common == RowLimits()


def test_a_file_needs_only_what_it_changes(tmp_path: Path) -> None:
    found = read(tmp_path, "latency.fail = 2\nsize.growth = inf\n")
    assert found.common.latency.fail == 2.0 and found.common.latency.warn == 1.1
    assert found.common.size.growth == float("inf")
    assert found.common.quality == RowLimits().quality


def test_overrides_build_on_the_file_and_the_last_counts(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "latency.fail = 2.0\n"
        '[[override]]\nsubject = "*.tflite"\nlatency.warn = 1.5\n'
        '[[override]]\nsubject = "a*"\nmissing = "fail"\n',
    )
    assert found.of("x.onnx") == found.common
    assert (found.of("x.tflite").latency.warn, found.of("x.tflite").latency.fail) == (1.5, 2.0)
    both = found.of("a.tflite")
    assert both.missing == "fail" and both.latency.warn == 1.1
    assert found.unused(["x.tflite"]) == ["a*"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("latency.fial = 2.0", "latency.fial"),
        ("speed = 1", "speed"),
        ("latency.fail = 0.9", "latency.fail"),
        ('latency.fail = "2"', "latency.fail"),
        ("latency.fail = true", "latency.fail"),
        ("latency.warn = 1.4", "warn = 1.4 is above fail = 1.3"),
        ("latency = 3", "latency"),
        ("size.growth = -1", "size.growth"),
        ("size.growth = nan", "size.growth"),
        ('missing = "maybe"', "missing"),
        ("override = 1", "override"),
        ("[[override]]\nlatency.fail = 2.0", "override 1: subject"),
        ('[[override]]\nsubject = "x"\nlatency.fial = 2.0', "override 1: latency.fial"),
        ("latency = [", "no TOML"),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, text)
    assert said in str(error.value)


def test_an_unknown_key_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one of warn, fail, run_to_run, "):
        read(tmp_path, "latency.fial = 2.0")
    with pytest.raises(InputError, match=r"one of missing, latency, .*, override"):
        read(tmp_path, "speed = 2.0")
