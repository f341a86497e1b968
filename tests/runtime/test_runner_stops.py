"""``cdfi_runner`` that does not come to its end: signals, a host that is gone, refusals."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Runner = Any  # of conftest.py, which cannot be imported
ArtifactMaker = Any
FOREVER = ("--sustained", "600")


@pytest.fixture
def options(runner: Runner) -> list[str]:
    random = np.random.default_rng(0)
    shape = (1, 3, 64, 64)
    return runner.feed(**{n: random.random(shape, dtype=np.float32) for n in ("frame0", "frame2")})


def partial(done: Any, stopped: str) -> None:
    """All that was measured is there, and says that it is not all."""
    assert done.result["complete"] is False
    assert done.result["stopped"] == stopped
    assert len(done.result["burst_ns"]) == 2
    logged = [int(words[2]) for words in done.samples if words[0] == "sustained"]
    assert logged == done.result["sustained_ns"]
    assert logged


@contextmanager
def reaching(runner: Runner, phase: str, command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """The command, running, once it has written a sample of ``phase``; killed if it stays."""
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            while phase not in (runner.samples.read_text() if runner.samples.exists() else ""):
                assert process.poll() is None
                time.sleep(0.02)
            yield process
        finally:
            process.kill()


def test_a_signal_ends_it_after_the_run(
    runner: Runner, make_artifact: ArtifactMaker, options: list[str]
) -> None:
    command = runner.command(make_artifact(), *options, *FOREVER)
    with reaching(runner, "sustained", command) as process:
        process.terminate()
        done = runner.ended(process.wait(60), process.communicate()[1])
    assert done.code == 4
    assert done.last_line == "cdfi_runner: stopped: terminated"
    partial(done, "terminated")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_burst_that_is_cut_short_has_its_output(
    runner: Runner, make_artifact: ArtifactMaker, options: list[str], number: signal.Signals
) -> None:
    command = runner.command(make_artifact(), *options, "--runs", "1000000000")
    with reaching(runner, "burst", command) as process:
        process.send_signal(number)
        done = runner.ended(process.wait(60), process.communicate()[1])
    assert (done.code, done.result["complete"]) == (4, False)
    assert done.result["burst_ns"]
    assert runner.output.stat().st_size == 4 * 3 * 64 * 64


def test_it_stops_when_nobody_touches_the_file(
    runner: Runner, make_artifact: ArtifactMaker, options: list[str], tmp_path: Path
) -> None:
    alive = tmp_path / "alive"
    alive.touch()
    done = runner(
        make_artifact(), *options, *FOREVER, "--alive", alive, "--alive-seconds", "0.5", timeout=60
    )
    assert done.code == 5
    partial(done, "abandoned")


def test_it_goes_on_while_the_file_is_touched(
    runner: Runner, make_artifact: ArtifactMaker, options: list[str], tmp_path: Path
) -> None:
    alive, over = tmp_path / "alive", threading.Event()

    def touch() -> None:
        while not over.wait(0.05):
            alive.touch()

    host = threading.Thread(target=touch)
    host.start()
    try:
        extra = ("--sustained", "3", "--alive", alive, "--alive-seconds", "2")
        done = runner(make_artifact(), *options, *extra, timeout=60)
    finally:
        over.set()
        host.join()
    assert (done.code, done.result["complete"]) == (0, True)


def test_end_to_end_reads_the_files_each_time(
    runner: Runner, make_artifact: ArtifactMaker, options: list[str], tmp_path: Path
) -> None:
    command = runner.command(make_artifact(), *options, "--end-to-end", "1000000000")
    with reaching(runner, "end_to_end", command) as process:
        os.truncate(tmp_path / "frame2.raw", 4000)
        done = runner.ended(process.wait(60), process.communicate()[1])
    assert done.code == 2
    assert "frame2.raw" in done.last_line
    assert done.result["end_to_end_ns"]
    assert runner.output.is_file()  # of the burst, which was whole


def test_any_file_name_fits_into_the_result(runner: Runner, options: list[str]) -> None:
    done = runner(Path('a "b" \\ \t \udcff \u00e9.onnx'), *options)
    assert done.code == 2
    assert 'a "b" \\ \t ? \u00e9.onnx: No such file' in done.result["error"]


def test_a_corrupt_model_is_refused(runner: Runner, options: list[str], tmp_path: Path) -> None:
    model = tmp_path / "broken.onnx"
    model.write_bytes(b"\x08\x09 no model\n")
    done = runner(model, *options)
    assert done.code == 3
    assert done.last_line == "cdfi_runner: " + done.result["error"]
    assert "broken.onnx" in done.last_line
    assert (done.result["complete"], done.result["stopped"]) == (False, "error")
    assert not runner.output.exists()


def change(options: list[str], old: str, new: str) -> list[str]:
    return [part.replace(old, new) for part in options]


USAGE: dict[str, tuple[Callable[[list[str]], list[str]], str]] = {
    "no such input file": (lambda o: change(o, "frame2.raw", "gone.raw"), "gone.raw: No such file"),
    "a folder as input": (lambda o: change(o, "/frame2.raw", ""), "input frame2 is not a file"),
    "unknown input": (lambda o: change(o, "frame2=", "other="), "frame0 1x3x?x?, frame2 1x3x?x?"),
    "an input without file": (lambda o: o[:4], "--input frame2=FILE is missing"),
    "open sides": (lambda o: o[:-2], "--shape frame2=... is missing"),
    "another size": (
        lambda o: change(o, "1,3,64,64", "1,3,64,32"),
        "expected to hold 6144 float32",
    ),
    "another shape": (lambda o: change(o, "1,3,64,64", "1,4,64,48"), "expected to be 1x3x?x?"),
    "overflow": (lambda o: change(o, "3,64,64", "3,2147483647,2147483647"), "got 49152 bytes"),
    "no number": (lambda o: [*o, "--runs", "many"], "--runs expects a whole number"),
    "no runs": (lambda o: [*o, "--runs", "0"], "--runs expects at least 1"),
    "unknown option": (lambda o: [*o, "--fast"], "unknown option '--fast'"),
    "no value": (lambda o: [*o, "--runs"], "--runs expects a value"),
    "no such CPU": (lambda o: [*o, "--affinity", "1023"], "--affinity"),
    "no library": (lambda o: [*o, "--library", "gone.so"], "the library cannot be read: gone.so"),
    "a folder as model": (lambda o: [*o, "--model", "."], "the model is not a file"),
    "an empty model": (lambda o: [*o, "--model", "empty"], "the model is empty"),
    "no output folder": (lambda o: [*o, "--output", "no/out"], "cannot write no/out: No such file"),
    "full disk for samples": (lambda o: [*o, "--samples", "/dev/full"], "No space left on device"),
    "NaN": (lambda o: change(o, "frame2.raw", "nan.raw"), "got 1 NaN or infinite of 12288"),
}


@pytest.mark.parametrize("case", USAGE)
def test_usage_and_files_that_do_not_serve(
    runner: Runner, make_artifact: ArtifactMaker, options: list[str], tmp_path: Path, case: str
) -> None:
    bad = np.fromfile(tmp_path / "frame2.raw", "<f4")
    bad[100] = np.nan
    bad.tofile(tmp_path / "nan.raw")
    (tmp_path / "empty").touch()
    alter, message = USAGE[case]
    done = runner(make_artifact(), *alter(options), cwd=tmp_path, timeout=60)
    assert done.code == 2, done
    assert message in done.last_line
    assert done.last_line == "cdfi_runner: " + done.result["error"]
    assert done.result["complete"] is False
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("provider", ["qnn", "nnapi", "xnnpack", "coreml", "abacus"])
def test_a_provider_that_is_not_there(
    runner: Runner, make_artifact: ArtifactMaker, options: list[str], provider: str
) -> None:
    done = runner(make_artifact(), *options, "--provider", provider)
    assert done.code == 3
    assert f"has no provider '{provider}', only" in done.last_line
    assert "cpu" in done.result["providers_available"]


def test_nothing_partial_when_the_disk_is_full(
    runner: Runner, make_artifact: ArtifactMaker, options: list[str], tmp_path: Path
) -> None:
    """A limit on the length of files stands for it: samples and result fit, the output does not."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384))

    done = runner(make_artifact(), *options, preexec_fn=limit, restore_signals=False)
    assert done.code == 2
    assert f"cannot write {runner.output}: File too large" in done.last_line
    assert not runner.output.exists()
    assert not list(tmp_path.glob("*.part"))
    assert len(done.result["burst_ns"]) == 2


def test_a_result_that_cannot_be_written(
    runner: Runner, make_artifact: ArtifactMaker, options: list[str], tmp_path: Path
) -> None:
    done = runner(make_artifact(), *options, "--result", tmp_path / "no" / "result.json")
    assert done.code == 2
    assert "cannot write" in done.last_line


def test_a_library_that_is_no_onnx_runtime(
    runner: Runner, make_artifact: ArtifactMaker, options: list[str], tmp_path: Path
) -> None:
    done = runner(
        make_artifact(), *options, "--library", runner.bundle.folder / "libcdfi_native.so"
    )
    assert done.code == 3
    assert "exports no OrtGetApiBase" in done.last_line
    text = tmp_path / "text.so"
    text.write_text("no library\n")
    done = runner(make_artifact(), *options, "--library", text)
    assert done.code == 3
    assert "cannot load" in done.last_line


OLDER = r"""
#include <dlfcn.h>
#include <stddef.h>
struct base { const void *(*api)(unsigned); const char *(*version)(void); };
static const struct base *real(void) {
  void *library = dlopen(REAL, RTLD_NOW);
  return ((const struct base *(*)(void))dlsym(library, "OrtGetApiBase"))();
}
static const void *api(unsigned version) { return version > NEWEST ? NULL : real()->api(version); }
static const char *version(void) { return NAMED; }
static const struct base ours = {api, version};
const struct base *OrtGetApiBase(void) { return &ours; }
"""


def older(runner: Runner, folder: Path, newest: int, named: str) -> Path:
    """A library that passes itself off as an older ONNX Runtime."""
    (folder / "older.c").write_text(OLDER)
    library = folder / f"older{newest}.so"
    macros = [f'-DREAL="{runner.library}"', f"-DNEWEST={newest}", f'-DNAMED="{named}"']
    command = ["g++", "-xc", "-shared", "-fPIC", *macros, "older.c", "-o", library, "-ldl"]
    subprocess.run(command, cwd=folder, check=True)
    return library


def test_an_older_library(
    runner: Runner, make_artifact: ArtifactMaker, options: list[str], tmp_path: Path
) -> None:
    library = older(runner, tmp_path, 17, "1.17.3")
    done = runner(make_artifact(), *options, "--library", library)
    assert done.code == 0, done.last_line
    assert done.result["version"] == "1.17.3"
    assert done.result["provider_nodes"] is None
    assert "1.17.3" in done.result["provider_nodes_reason"]
    # What it says of itself is not trusted alone.
    library = older(runner, tmp_path, 20, "1.23.0")
    assert runner(make_artifact(), *options, "--library", library).code == 0


def test_a_library_that_is_too_old(
    runner: Runner, make_artifact: ArtifactMaker, options: list[str], tmp_path: Path
) -> None:
    library = older(runner, tmp_path, 16, "1.16.3")
    done = runner(make_artifact(), *options, "--library", library)
    assert done.code == 3
    assert "is ONNX Runtime 1.16.3, expected 1.17 or newer" in done.last_line


def test_help(runner: Runner) -> None:
    command = [runner.bundle.folder / "cdfi_runner", "--help"]
    shown = subprocess.run(
        command, capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert "--sustained SECONDS" in shown.stdout
