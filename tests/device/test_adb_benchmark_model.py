"""TFLite's benchmark_model: what it prints, and running one on a device."""

from __future__ import annotations

from pathlib import Path

import pytest
from cdfi_bench.adb.benchmark_model import (
    BenchmarkModelOptions,
    TfliteInput,
    run_benchmark_model,
)
from cdfi_bench.adb.benchmark_model_output import (
    DelegateUse,
    Statistics,
    parse_benchmark_model,
)
from cdfi_bench.adb.client import Adb
from cdfi_bench.adb.errors import AdbError
from cdfi_bench.adb.workspace import workspace

# TensorFlow 2.15 and newer: a level before each line, percentiles.
NEW = """\
INFO: STARTING!
INFO: Log parameter values verbosely: [0]
INFO: Num threads: [4]
INFO: Graph: [/data/local/tmp/x/graph.tflite]
INFO: Signature to run: []
INFO: #threads used for CPU inference: [4]
INFO: Loaded model /data/local/tmp/x/graph.tflite
INFO: Created TensorFlow Lite XNNPACK delegate for CPU.
VERBOSE: Replacing 58 out of 61 node(s) with delegate (TfLiteXNNPackDelegate) node, yielding 2 \
partitions for subgraph 0.
INFO: The input model file size (MB): 3.51234
INFO: Initialized session in 22.154ms.
INFO: Running benchmark for at least 5 iterations and at least 0.5 seconds but terminate if \
exceeding 150 seconds.
INFO: count=12 first=48321 curr=41200 min=41007 max=48321 avg=42109.3 std=1999 p5=41007 \
median=41530 p95=48321

INFO: Running benchmark for at least 50 iterations and at least 1 seconds but terminate if \
exceeding 150 seconds.
INFO: count=50 first=41112 curr=41876 min=40903 max=47710 avg=41620.8 std=1033 p5=40951 \
median=41377 p95=43002

INFO: Inference timings in us: Init: 22154, First inference: 48321, Warmup (avg): 42109.3, \
Inference (avg): 41620.8
INFO: Note: as the benchmark tool itself affects memory footprint, the following is only \
APPROXIMATE to the actual memory footprint of the model at runtime. Take the information at your \
discretion.
INFO: Memory footprint delta from the start of the tool (MB): init=12.4531 overall=96.25
INFO: Overall peak memory footprint (MB) via periodic monitoring: 101.375
INFO: Memory status at the end of exeution:
INFO: - VmRSS              : 99 MB
"""

# TensorFlow 2.3 to 2.5 with a delegate: no levels, no percentiles, a single warm-up run.
GPU_IN_PART = """\
STARTING!
Use gpu: [1]
Loaded model /data/local/tmp/x/graph.tflite
INFO: Created TensorFlow Lite delegate for GPU.
ERROR: Following operations are not supported by GPU delegate:
GATHER: Operation is not supported.
294 operations will run on the GPU, and the remaining 15 operations will run on the CPU.
Explicitly applied GPU delegate, and the model graph will be partially executed by the delegate \
w/ 3 delegate kernels.
The input model file size (MB): 12.9
Initialized session in 2914.2ms.
Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding \
150 seconds.
count=1 curr=1041765

Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding \
150 seconds.
count=50 first=977738 curr=964908 min=911877 max=1112273 avg=1.17154e+06 std=39112

Inference timings in us: Init: 2914200, First inference: 1041765, Warmup (avg): 1.04176e+06, \
Inference (avg): 1.17154e+06
Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE to \
the actual memory footprint of the model at runtime. Take the information at your discretion.
Peak memory footprint (MB): init=0 overall=12.8672
Profiling Info for Benchmark Initialization:
Timings (microseconds): count=1 curr=856
Memory (bytes): count=0
"""

# TensorFlow 1.14 with its profile, which comes before the last line.
OLD = """\
STARTING!
Num threads: [2]
Use nnapi : [0]
Loaded model /data/local/tmp/x/graph.tflite
resolved reporter
Initialized session in 9.933ms
Running benchmark for at least 4 iterations and at least 0.5 seconds
count=7 first=127425 curr=66709 min=66709 max=127425 avg=76605.9 std=20944

Running benchmark for at least 10 iterations and at least 1 seconds
count=15 first=66753 curr=66800 min=66699 max=66838 avg=66767.6 std=39

Timings (microseconds): count=15 first=66649 curr=66650 min=66600 max=66738 avg=66660 std=40
Memory (bytes): count=0
31 nodes observed


Average inference timings in us: Warmup: 76605.9, Init: 9933, no stats: 66767.6
"""

FALLBACK = NEW.replace(
    "INFO: The input model",
    "INFO: Though NNAPI delegate is explicitly applied, the model graph will not be executed by "
    "the delegate.\nINFO: The input model",
)
COMPLETE = NEW.replace(
    "INFO: Created TensorFlow Lite XNNPACK delegate for CPU.",
    "INFO: GPU delegate created.\nINFO: Explicitly applied GPU delegate, and the model graph will "
    "be completely executed by the delegate.",
)


def test_a_new_version() -> None:
    result = parse_benchmark_model(NEW)
    assert (result.init_us, result.first_us) == (22154, 48321)
    assert result.inference == Statistics(
        50, 41112, 41876, 40903, 47710, 41620.8, 1033, 41377, 40951, 43002
    )
    assert result.warm_up is not None
    assert (result.warm_up.count, result.warm_up.average) == (12, 42109.3)
    assert (result.memory_init_mb, result.memory_overall_mb) == (12.4531, 96.25)
    assert result.memory_peak_mb == 101.375
    assert result.accelerator == "XNNPACK" and result.delegates == ()
    assert result.replaced == ((58, 61, "TfLiteXNNPackDelegate"),)


def test_a_delegate_in_part() -> None:
    result = parse_benchmark_model(GPU_IN_PART)
    assert result.delegates == (DelegateUse("GPU", "part", 3),)
    assert result.accelerator == "GPU in part (3 kernels)"
    assert result.inference.average == 1171540 and result.inference.count == 50
    assert result.inference.median is None
    assert result.warm_up == Statistics(1, *[1041765] * 5, 0)
    assert (result.memory_overall_mb, result.memory_peak_mb) == (12.8672, None)


def test_an_old_version() -> None:
    result = parse_benchmark_model(OLD)
    assert (result.init_us, result.first_us) == (9933, None)
    assert result.inference.average == 66767.6 and result.inference.count == 15
    assert result.warm_up is not None and result.warm_up.average == 76605.9
    assert result.memory_overall_mb is None
    assert result.accelerator == "CPU"


def test_a_delegate_that_did_nothing_is_not_credited() -> None:
    result = parse_benchmark_model(FALLBACK)
    assert result.delegates == (DelegateUse("NNAPI", "none"),)
    assert result.accelerator == "XNNPACK"
    assert parse_benchmark_model(COMPLETE).accelerator == "GPU"


def test_log_prefixes_do_not_matter() -> None:
    prefix = "07-08 15:34:26.201 I/tflite  ( 5395): "
    logged = "\n".join(prefix + line.removeprefix("INFO: ") for line in NEW.splitlines())
    assert parse_benchmark_model(logged) == parse_benchmark_model(NEW)


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ("", "no line of timings"),
        (NEW.partition("INFO: Inference timings")[0], "no line of timings"),
        ("\n".join(each for each in NEW.splitlines() if "count=" not in each), "'count=...'"),
        (NEW.replace("Inference (avg): 41620.8", "Inference (avg): 31620.8"), "averages differ"),
    ],
)
def test_what_cannot_be_read_is_shown(output: str, why: str) -> None:
    with pytest.raises(AdbError, match="cannot be read") as caught:
        parse_benchmark_model(output)
    text = str(caught.value)
    assert why in text
    assert "no output" in text if not output else output.strip().splitlines()[-1] in text


def test_options_as_the_program_takes_them() -> None:
    options = BenchmarkModelOptions(
        num_threads=4,
        use_xnnpack=False,
        use_gpu=True,
        inputs={"serving_default_a:0": TfliteInput((1, 3, 8, 8)), "b": TfliteInput((1, 2))},
        extra=("--gpu_precision_loss_allowed=false",),
    )
    found = options.arguments("/x/g", {"serving_default_a:0": "/x/0"}, "/x/out")
    assert "--input_layer=serving_default_a:0,b" in found
    assert "--input_layer_shape=1,3,8,8:1,2" in found
    assert "--input_layer_value_files=serving_default_a::0:/x/0" in found
    assert {"--graph=/x/g", "--num_threads=4", "--use_xnnpack=false", "--use_gpu=true"} < {*found}
    assert "--output_filepath=/x/out" in found and found[-1] == options.extra[0]
    assert not [each for each in found if "nnapi" in each]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "graph.tflite").write_bytes(b"TFL3")
    (tmp_path / "a.raw").write_bytes(b"values")
    return tmp_path


def program(folder: Path, script: str) -> Path:
    """SIMULATED: a program that prints what the real one does."""
    path = folder / "benchmark_model"
    path.write_text("#!/bin/sh\n" + script)
    return path


def test_a_run_on_a_device(adb: Adb, files: Path) -> None:
    script = f"""
        for each; do case $each in
          --graph=*) [ "$(cat ${{each#*=}})" = TFL3 ] || exit 9 ;;
          --output_filepath=*) out=${{each#*=}} ;;
          --input_layer_value_files=a:*) in=${{each#*a:}} ;;
        esac; done
        cat "$in" > "$out"
        cat <<'END' >&2\n{NEW}\nEND"""
    options = BenchmarkModelOptions(inputs={"a": TfliteInput((1, 6), files / "a.raw")})
    with workspace(adb) as space:
        result = run_benchmark_model(
            space, program(files, script), files / "graph.tflite", options, output=files / "out"
        )
    assert result == parse_benchmark_model(NEW)
    assert (files / "out").read_bytes() == b"values"


@pytest.mark.parametrize(
    ("script", "how", "shown"),
    [
        ("echo 'ERROR: Failed to apply GPU delegate.'; exit 1", "exit code 1", "Failed to apply"),
        ("echo begun; kill -s SEGV $$", "signal SIGSEGV", "begun"),
    ],
)
def test_a_crash_is_told_with_its_last_words(
    adb: Adb, files: Path, script: str, how: str, shown: str
) -> None:
    with (
        workspace(adb) as space,
        pytest.raises(AdbError, match=f"benchmark_model failed with {how}") as caught,
    ):
        run_benchmark_model(
            space,
            program(files, script),
            files / "graph.tflite",
            BenchmarkModelOptions(),
        )
    assert shown in str(caught.value)


def test_a_program_for_another_processor(adb: Adb, files: Path) -> None:
    path = files / "benchmark_model"
    header = b"\x7fELF\x02\x01\x01" + b"\0" * 9 + b"\x02\0" + b"\xf3\0" + b"\0" * 100  # RISC-V
    path.write_bytes(header)
    with workspace(adb) as space, pytest.raises(AdbError, match="exit code 12") as caught:
        run_benchmark_model(space, path, files / "graph.tflite", BenchmarkModelOptions())
    assert "built for this device" in str(caught.value)
