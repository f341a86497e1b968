"""Sizes, options and gates: plain values, no network."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from cdfi_export.format_spec import FORMATS
from cdfi_export.frame_size import FrameSize
from cdfi_export.gates import parity_gate
from cdfi_export.options import ExportOptions, resolve_opset
from cdfi_runtime.errors import InputError, UnknownNameError


@pytest.mark.parametrize(("text", "size"), [("448x256", (448, 256)), (" 1X1 ", (1, 1))])
def test_a_size_is_width_by_height(text: str, size: tuple[int, int]) -> None:
    assert FrameSize.parse(text) == FrameSize(*size)


@pytest.mark.parametrize("text", ["0x5", "5x0", "abc", "448", "448x", "-1x5", "9000x10", "1x2x3"])
def test_a_bad_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError) as caught:
        FrameSize.parse(text)
    assert caught.value.exit_code == 2
    assert caught.value.fix is not None and "--" in caught.value.fix


def test_sizes_are_padded_upwards() -> None:
    assert FrameSize(450, 256).padded(32) == FrameSize(480, 256)
    assert FrameSize(1, 33).padded(32) == FrameSize(32, 64)


def test_sizes_that_pad_to_the_same_graph_give_one() -> None:
    options = ExportOptions(sizes=(FrameSize(60, 60), FrameSize(64, 64)))
    assert options.graph_sizes(FORMATS.get("onnx"), 32) == (FrameSize(64, 64),)


def test_without_a_size_the_graph_is_dynamic() -> None:
    assert ExportOptions().graph_sizes(FORMATS.get("onnx"), 32) == (None,)


def test_opset_18_is_the_default_and_its_range_is_checked() -> None:
    onnx = FORMATS.get("onnx")
    assert resolve_opset(onnx, None) == 18
    assert resolve_opset(onnx, 19) == 19
    with pytest.raises(InputError, match="opset 17"):
        resolve_opset(onnx, 17)


@pytest.mark.parametrize("name", ["", "a/b", ".."])
def test_a_name_with_folders_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        ExportOptions(name=name)


@pytest.mark.parametrize("value", [0, -3])
def test_counts_below_one_are_refused(value: int) -> None:
    with pytest.raises(InputError):
        ExportOptions(verify_pairs=value)
    with pytest.raises(InputError):
        ExportOptions(threads=value)


def test_an_unknown_format_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="onnx"):
        FORMATS.get("onyx")


def test_formats_are_found_without_writing_a_list() -> None:
    folder = Path(__file__).parents[2] / "export" / "cdfi_export" / "formats"
    files = {path.stem for path in folder.glob("*.py") if not path.stem.startswith("_")}
    assert set(FORMATS.names()) == files


def test_gates_name_each_missed_number() -> None:
    gate = parity_gate("float32", "bilinear")
    assert gate.missed(2e-3, 60.0) == []
    assert gate.missed(1e-6, math.inf) == []
    missed = gate.missed(3e-3, 59.5)
    assert len(missed) == 2
    assert "0.003" in missed[0] and "59.50" in missed[1]


def test_truncation_gates_psnr_alone() -> None:
    gate = parity_gate("float32", "truncate")
    assert gate.missed(0.5, 60.0) == []
    assert len(gate.missed(0.0, 59.99)) == 1


def test_images_may_differ_by_one_step_of_their_rounding() -> None:
    gate = parity_gate("float32", "bilinear", "image")
    assert gate.missed(1 / 255, 60.0) == []
    assert len(gate.missed(1.1 / 255, 59.0)) == 2
    assert parity_gate("float32", "truncate", "image") == parity_gate("float32", "truncate")
    assert parity_gate("float16", "bilinear", "image") == parity_gate("float16", "bilinear")


def test_not_a_number_misses_every_gate() -> None:
    assert len(parity_gate("float32", "bilinear").missed(math.nan, math.nan)) == 2
    assert len(parity_gate("int8", "bilinear").missed(0.0, 99.0, math.nan)) == 1


def test_integers_are_held_to_what_they_lose() -> None:
    gate = parity_gate("int8", "truncate")
    assert gate.psnr_db is None
    assert gate.missed(0.9, 20.0, 0.19) == []
    assert "0.210 dB" in gate.missed(0.0, 99.0, 0.21)[0]
    assert "not measured" in gate.missed(0.0, 99.0, None)[0]


def test_an_exact_export_may_not_even_gain() -> None:
    gate = parity_gate("float32", "bilinear")
    assert gate.missed(0.0, 99.0, -0.009) == []
    assert "of change" in gate.missed(0.0, 99.0, -0.011)[0]
    assert gate.missed(0.0, 99.0, None) == []
    assert parity_gate("int8", "bilinear").missed(0.9, 20.0, -5.0) == []


def test_every_precision_of_every_format_has_a_gate() -> None:
    for form in FORMATS.all():
        for precision in form.precisions:
            for sampling in ("bilinear", "truncate"):
                assert str(parity_gate(precision, sampling))
