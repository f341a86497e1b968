"""TFLite files on a phone by a ``benchmark_model``: here a script that prints what one prints.

No such program can be had without building TensorFlow, so its output is in the real one's format
and its picture is the first frame, which the parity gate must catch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cdfi_bench.cli import app
from cdfi_bench.report import Report, Row
from cdfi_runtime.command import run_app
from cdfi_runtime.files import sha256_file
from cdfi_runtime.manifest import load_manifest
from cdfi_runtime.metrics import psnr
from cdfi_runtime.samples.pair import sample_frames

ASSETS = Path(__file__).parents[2] / "runtime/cdfi_runtime/assets"
PROGRAM = """\
#!/bin/sh
for each; do
  case $each in
    --input_layer_value_files=*) files=${each#*=} ;;
    --output_filepath=*) output=${each#*=} ;;
  esac
done
echo "$@" > /data/simulated/arguments
first=${files%%,*}
%s
echo 'INFO: Created TensorFlow Lite XNNPACK delegate for CPU.'
echo 'INFO: count=1 curr=31000'
echo 'INFO: count=5 first=21000 curr=20000 min=19000 max=22000 avg=20400 std=900'
echo 'INFO: Inference timings in us: Init: 4000, First inference: 31000, Warmup (avg): 31000, \
Inference (avg): 20400'
echo 'INFO: Overall peak memory footprint (MB) via periodic monitoring: 12.5'
"""
Phone = Any


@pytest.fixture
def tflite(tmp_path: Path) -> Path:
    """Bytes that only the script will see, with the manifest of a graph of 64x64, channels last."""
    path = tmp_path / "net.tflite"
    path.write_bytes(b"TFL3" * 10)
    manifest = load_manifest(ASSETS / "default.onnx")
    facts = {"sha256": sha256_file(path), "bytes": 40, "format": "litert", "file": path.name}
    frame = {"layout": "NHWC", "shape": (1, 64, 64, 3)}
    size = {"dynamic": False, "width": 64, "height": 64}
    manifest.model_copy(
        update={
            "artifact": manifest.artifact.model_copy(update=facts),
            "inputs": tuple(each.model_copy(update=frame) for each in manifest.inputs),
            "outputs": tuple(each.model_copy(update=frame) for each in manifest.outputs),
            "size": manifest.size.model_copy(update=size),
        }
    ).save(path)
    return path


def bench(phone: Phone, tflite: Path, line: str, *options: str, code: int) -> Row:
    program = tflite.with_name("benchmark_model")
    program.write_text(PROGRAM % line)
    out = tflite.parent / "out"
    command = ["latency", tflite, "--device", f"adb:{phone.serial}", "--threads", 2, "--runs", 5]
    with pytest.raises(SystemExit) as end:
        given = [*command, "--benchmark-model", program, "--cool-down", 0, *options, "--out", out]
        run_app(app, list(map(str, given)))
    assert end.value.code == code
    (row,) = Report.model_validate_json((out / "latency.json").read_text()).rows
    return row


def test_statistics_are_kept_as_such_and_the_picture_is_compared(
    phone: Phone, tflite: Path
) -> None:
    row = bench(phone, tflite, 'cp "${first#*:}" "$output"', code=1)
    timing = row.timing
    assert timing is not None and timing.samples_s == () and timing.median_s is None
    assert "keeps no samples" in timing.unmeasured["median_s"]
    assert timing.tool_statistics_s is not None
    assert timing.tool_statistics_s["mean"] == pytest.approx(0.0204)
    assert timing.load_s == pytest.approx(0.004) and timing.first_run_s == pytest.approx(0.031)
    assert timing.ratio is None and timing.reference is None
    assert row.backend is not None and row.backend.accelerator_actual == "XNNPACK"
    assert row.memory is not None and row.memory.peak_bytes == 12_500_000
    arguments = phone.simulated("arguments").split()
    assert "--num_threads=2" in arguments and "--num_runs=5" in arguments
    assert "--input_layer_shape=1,64,64,3:1,64,64,3" in arguments
    # Handed over channels last and back: the picture is frame 0, exactly.
    frame0, _, _ = sample_frames(load_manifest(tflite), 64, 64)
    assert row.parity is not None and row.verdict.status == "fail"
    assert row.quality is not None and row.quality.psnr_db is not None
    _, truth, _ = sample_frames(load_manifest(tflite), 64, 64)
    shown = [np.rint(each[0] * 255).astype(np.uint8) for each in (frame0, truth)]
    assert row.quality.psnr_db == pytest.approx(psnr(*shown, data_range=255))


def test_a_version_that_writes_no_picture_has_no_parity(phone: Phone, tflite: Path) -> None:
    row = bench(phone, tflite, ":", code=0)
    assert row.verdict.status == "pass" and row.parity is None
    assert "no picture" in row.unmeasured["parity"]


def test_what_did_not_run_where_it_was_asked_to_is_refused(phone: Phone, tflite: Path) -> None:
    row = bench(phone, tflite, ":", "--accelerator", "gpu", "--strict", code=1)
    assert "would not run on 'gpu' alone" in row.verdict.reason
    row = bench(phone, tflite, ":", "--accelerator", "qnn", code=2)
    assert row.verdict.status == "skip" and "no 'qnn'" in row.verdict.reason


def test_a_crash_shows_the_end_of_its_output(phone: Phone, tflite: Path) -> None:
    row = bench(phone, tflite, "echo 'ERROR: out of luck'; exit 7", code=1)
    assert "exit code 7" in row.verdict.reason and "out of luck" in row.verdict.reason
