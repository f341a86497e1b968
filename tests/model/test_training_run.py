"""A run as a user meets it: killed, shared by two processes, out of disk, watched."""

from __future__ import annotations

import csv
import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from cdfi_model.checkpoints.weights import read_weights
from cdfi_model.cli import app
from cdfi_model.training.config import load_config
from cdfi_model.training.loop import BEST, CHECKPOINT, SAMPLES, Progress, train
from cdfi_model.training.prefetch import prefetch
from cdfi_model.training.schedule import learning_rate
from cdfi_runtime.errors import CdfiError, InputError, OutputError
from cdfi_runtime.images import read_image
from typer.testing import CliRunner

CONFIG = """
network = "cdfi_mobile"
pack = "pack"
val_pack = "pack"
out = "run"
seed = 3
warmup = 2
strips = 1
eval_every = {every}
save_every = {save}

[[stages]]
steps = 4
batch = 2
crop = 32
taps = false
synthetic = 0.5

[[stages]]
steps = {more}
batch = 2
crop = 32
"""
Pack = Callable[..., Path]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def prepare(folder: Path, pack: Pack, **options: int) -> Path:
    folder.mkdir()
    pack(folder / "pack")
    path = folder / "config.toml"
    path.write_text(CONFIG.format(**{"every": 4, "save": 2, "more": 4} | options))
    return path


def steps(config: Path, stop_after: int | None = None) -> list[Progress]:
    seen: list[Progress] = []
    train(load_config(config), report=seen.append, stop_after=stop_after)
    return seen


def command(config: Path) -> list[str]:
    return ["-m", "cdfi_model.cli", "train", str(config), "--threads", "1"]


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def read_log(config: Path) -> list[dict[str, str]]:
    with (config.parent / "run" / "log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_killed_run_ends_with_the_weights_of_an_unbroken_one(
    tmp_path: Path, moving_pack: Pack
) -> None:
    options = {"more": 16, "every": 1}
    whole = prepare(tmp_path / "whole", moving_pack, **options)
    broken = prepare(tmp_path / "broken", moving_pack, **options)
    steps(whole)
    process = subprocess.Popen([sys.executable, *command(broken)], env=environment())
    checkpoint = broken.parent / "run" / CHECKPOINT
    deadline = time.monotonic() + 120
    while not checkpoint.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.15)  # into the steps behind the checkpoint
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    saved = torch.load(checkpoint, weights_only=True)
    assert 0 < saved["step"] < 20
    (broken.parent / "run" / ".checkpoint.1.part.pt").write_bytes(b"half a file")
    after = steps(broken)
    assert after[0].step == saved["step"] + 1 and after[-1].step == 20
    files = [path.parent / "run" / BEST for path in (whole, broken)]
    assert files[0].read_bytes() == files[1].read_bytes()
    ends = [torch.load(f.parent / CHECKPOINT, weights_only=True) for f in files]
    for part in ("network", "average"):
        for name, tensor in ends[0][part].items():
            assert torch.equal(tensor, ends[1][part][name]), name
    for kept in ("step", "loss", "val_psnr_db"):
        assert [r[kept] for r in read_log(whole)] == [r[kept] for r in read_log(broken)]
    assert not list(files[1].parent.glob(".*"))


@pytest.mark.slow
def test_two_processes_give_the_loss_curve_of_one(tmp_path: Path, moving_pack: Pack) -> None:
    one = prepare(tmp_path / "one", moving_pack, every=1)
    two = prepare(tmp_path / "two", moving_pack, every=1)
    steps(one)
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [sys.executable, *launcher, *command(two)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    curves = [[float(row["loss"]) for row in read_log(path)] for path in (one, two)]
    assert len(curves[0]) == len(curves[1]) == 8
    assert curves[1] == pytest.approx(curves[0], abs=1e-5)
    values = [[float(row["val_psnr_db"]) for row in read_log(path)] for path in (one, two)]
    assert values[1] == pytest.approx(values[0], abs=1e-2)


def test_a_batch_that_cannot_be_shared_is_refused(
    tmp_path: Path, moving_pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = prepare(tmp_path / "run", moving_pack)
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(InputError, match="multiple of 3"):
        steps(config)


def test_a_full_disk_stops_the_run_and_keeps_the_last_checkpoint(
    tmp_path: Path, moving_pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = prepare(tmp_path / "run", moving_pack)
    steps(config, stop_after=2)
    checkpoint = config.parent / "run" / CHECKPOINT
    before = checkpoint.read_bytes()
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.name.startswith(".checkpoint"):
            write(path, bytes(data)[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(OutputError, match="No space left"):
            steps(config)
    assert checkpoint.read_bytes() == before
    assert not list(checkpoint.parent.glob(".checkpoint*"))
    assert steps(config)[0].step == 3


def test_evaluations_leave_strips_and_rows(tmp_path: Path, moving_pack: Pack) -> None:
    config = prepare(tmp_path / "run", moving_pack)
    steps(config)
    strip = read_image(config.parent / "run" / SAMPLES / "step_000008.png")
    assert strip.shape == (64, 4 * 64, 3)
    assert (strip[:, :64] != strip[:, 192:]).any()
    rows = read_log(config)
    assert [row["step"] for row in rows] == ["4", "8"]
    assert all(0 <= float(row["data_wait_share"]) <= 1 for row in rows)


@pytest.mark.usefixtures("native_built")
@pytest.mark.parametrize(("warp", "used"), [("gather", "gather"), ("auto", "fused")])
def test_a_run_says_which_warp_it_trained_with(
    tmp_path: Path, moving_pack: Pack, warp: str, used: str
) -> None:
    config = prepare(tmp_path / "run", moving_pack)
    config.write_text(f'warp = "{warp}"\n' + config.read_text())
    steps(config, stop_after=4)
    assert [row["warp"] for row in read_log(config)] == [used]
    assert read_weights(config.parent / "run" / BEST).info["warp"] == used
    config.write_text(config.read_text().replace(warp, "per_tap", 1))
    steps(config)
    assert [row["warp"] for row in read_log(config)] == [used, "per_tap"]


def test_the_command_overrides_the_warp(tmp_path: Path, moving_pack: Pack) -> None:
    config = prepare(tmp_path / "run", moving_pack)
    result = CliRunner().invoke(app, ["train", str(config), "--threads", "1", "--warp", "per_row"])
    assert result.exit_code == 0, result.output
    assert {row["warp"] for row in read_log(config)} == {"per_row"}


def test_making_batches_ahead_changes_nothing(tmp_path: Path, moving_pack: Pack) -> None:
    losses = []
    for depth in (0, 3):
        config = prepare(tmp_path / str(depth), moving_pack)
        config.write_text(f"prefetch = {depth}\n" + config.read_text())
        losses.append([progress.loss for progress in steps(config)])
    assert losses[0] == losses[1]


def test_tensorboard_is_written_when_asked_for(tmp_path: Path, moving_pack: Pack) -> None:
    pytest.importorskip("tensorboard")
    config = prepare(tmp_path / "run", moving_pack)
    config.write_text("tensorboard = true\n" + config.read_text())
    steps(config)
    assert list((config.parent / "run" / "tensorboard").glob("events.*"))


def test_tensorboard_that_is_missing_is_named(
    tmp_path: Path, moving_pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    config = prepare(tmp_path / "run", moving_pack)
    config.write_text("tensorboard = true\n" + config.read_text())
    with pytest.raises(CdfiError, match="TensorBoard, which is not installed"):
        steps(config)


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_prefetch_keeps_the_order_and_brings_errors_up(depth: int) -> None:
    made: list[int] = []

    def make(step: int) -> int:
        made.append(step)
        if step == 5:
            raise ValueError("a clip that cannot be read")
        return step * step

    with (
        pytest.raises(ValueError, match="cannot be read"),
        prefetch(make, range(9), depth) as items,
    ):
        got = [next(items) for _ in range(5)]
        assert got == [0, 1, 4, 9, 16]
        assert max(made) <= 5 + depth
        next(items)


def test_the_published_schedule_halves(tmp_path: Path, moving_pack: Pack) -> None:
    path = prepare(tmp_path / "run", moving_pack, more=100)
    path.write_text('schedule = "halving"\nhalve_every = 20\n' + path.read_text())
    config = load_config(path)
    rates = [learning_rate(config, step) for step in (0, 1, 19, 20, 39, 40)]
    assert rates == pytest.approx([5e-4, 1e-3, 1e-3, 5e-4, 5e-4, 2.5e-4])
    path.write_text(path.read_text().replace("halve_every = 20\n", ""))
    with pytest.raises(InputError, match="halve_every"):
        load_config(path)
