"""Pruning runs: exact zeros, phases, targets, and what is left when something goes wrong."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import cdfi_model.pruning
import pytest
import torch
from cdfi_model.checkpoints.weights import load_network, read_weights, save_weights
from cdfi_model.cli import app
from cdfi_model.kernel_unet_spec import MAP_HEADS, KernelUNetSpec
from cdfi_model.network import build_network
from cdfi_model.pruning.dead_channels import remove_dead_channels
from cdfi_model.pruning.group_lasso import GroupLasso
from cdfi_model.pruning.obprox import SETTINGS
from cdfi_model.pruning.prune_config import PruneConfig, prune_config
from cdfi_model.pruning.prune_groups import choose, density
from cdfi_model.pruning.prune_penalty import next_penalty
from cdfi_model.pruning.prune_report import JSON_NAME, MARKDOWN_NAME, PruneReport
from cdfi_model.pruning.prune_run import PRUNED, prune
from cdfi_model.spec import NETWORKS, NetworkSpec, WarpSpec
from cdfi_model.training.loop import CHECKPOINT, Progress
from cdfi_runtime.errors import ArtifactError, CdfiError, GateError, InputError, OutputError
from typer.testing import CliRunner

Pack = Callable[..., Path]
TINY = KernelUNetSpec(
    name="tiny",
    summary="as small as the family goes",
    warp=WarpSpec(taps=3, dilation=1, sampling="truncate"),
    encoder=((4,), (8,)),
    decoder=((8,),),
    occlusion=(4,),
    **dict.fromkeys(MAP_HEADS, (4,)),  # type: ignore[arg-type]
)
# Shrinks the weights by lr * penalty = 0.005 a step: some go within each epoch of 4 steps.
FAST: dict[str, Any] = {
    "learning_rate": 0.05,
    "penalty": 0.1,
    "proximal_epochs": 1,
    "epochs": 4,
    "epoch_samples": 8,
    "batch": 2,
    "crop": 32,
    "strips": 0,
    "save_every": 2,
    "warp": "per_tap",
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def prepare(folder: Path, pack: Pack, spec: NetworkSpec = TINY, **options: Any) -> PruneConfig:
    folder.mkdir()
    data = pack(folder / "pack")
    start = folder / "start.safetensors"
    save_weights(start, build_network(spec, seed=1))
    files = {"checkpoint": start, "pack": data, "val_pack": data, "out": folder / "run"}
    return prune_config(None, {**FAST, **files, **options})


def run(config: PruneConfig, stop_after: int | None = None) -> PruneReport:
    made = prune(config, report=lambda _: None, stop_after=stop_after)
    assert made is not None
    return made


def command(config: PruneConfig) -> list[str]:
    """The command line of ``config`` by way of a config file."""
    lines = []
    for key, value in config.model_dump(mode="json", exclude={"losses"}).items():
        if value is not None:
            text = str(value).lower() if isinstance(value, bool) else repr(value)
            lines.append(f"{key} = {text.replace(chr(39), chr(34))}")
    file = config.out.parent / "prune.toml"
    file.write_text("\n".join(lines) + "\n")
    return ["prune", "--config", str(file), "--threads", "1"]


def in_process(config: PruneConfig, *launcher: str) -> list[str]:
    return [sys.executable, *launcher, "-m", "cdfi_model.cli", *command(config)]


ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def test_a_run_makes_exact_zeros_and_says_what_it_did(tmp_path: Path, moving_pack: Pack) -> None:
    config = prepare(tmp_path / "a", moving_pack, fixed=("heads.*.out.*",))
    report = run(config)
    assert report.complete and report.target_reached is None
    assert [epoch.phase for epoch in report.epochs] == ["proximal"] + ["orthant"] * 3
    assert [epoch.step for epoch in report.epochs] == [4, 8, 12, 16]
    densities = [epoch.density for epoch in report.epochs]
    assert report.begin.density == 1
    assert densities == sorted(densities, reverse=True) and 0.02 < densities[-1] < 0.8
    stored = read_weights(config.out / PRUNED)
    penalised = {layer.name: layer for layer in report.layers if layer.penalised}
    for name, layer in penalised.items():
        values = stored.tensors[name]
        assert values.ndim == 4 and ".out." not in name
        assert layer.nonzero == int(values.count_nonzero())
        assert not values[values == 0].signbit().any(), "minus zero has bits"
    assert density(stored.tensors[name] for name in penalised) == report.density
    for layer in report.layers:  # neither a bias nor a fixed layer gets a zero
        assert layer.penalised or layer.nonzero >= layer.size - int(".bias" in layer.name), layer
    assert stored.info["start_sha256"] == report.begin.sha256
    written = PruneReport.model_validate_json((config.out / JSON_NAME).read_text())
    assert written == report
    text = (config.out / MARKDOWN_NAME).read_text()
    assert f"-> {report.density:.4f}" in text and "| encoder |" in text


def test_the_watched_quality_is_that_of_the_weights_written(
    tmp_path: Path, moving_pack: Pack
) -> None:
    from cdfi_model.training.evaluation import psnr_sum
    from cdfi_model.training.sources import open_source

    config = prepare(tmp_path / "a", moving_pack, ema=0.5)
    report = run(config)
    source = open_source(config.val_pack, val=True, flow=False)
    for file, said in ((config.checkpoint, report.begin), (config.out / PRUNED, report)):
        network = load_network(file)
        network.formulation = "per_tap"
        psnr = psnr_sum(network, source, list(range(len(source)))) / len(source)
        assert psnr == pytest.approx(said.val_psnr_db, abs=1e-4)


def test_a_target_ends_the_orthant_phase_and_settling_keeps_its_zeros(
    tmp_path: Path, moving_pack: Pack
) -> None:
    config = prepare(
        tmp_path / "a", moving_pack, target_density=0.5, settle_epochs=2, epochs=30, ema=0
    )
    report = run(config)
    assert report.target_reached and report.complete
    pruned = next(epoch for epoch in report.epochs if epoch.density <= 0.5)
    assert pruned.phase == "orthant"
    after = [epoch for epoch in report.epochs if epoch.step > pruned.step]
    assert [epoch.phase for epoch in after] == ["support"] * 2
    assert after[-1].step == pruned.step + 2 * config.epoch_steps
    assert {epoch.density for epoch in after} == {pruned.density}
    assert pruned.density > 0.4, "it stops within an epoch, not behind it"
    without = prepare(tmp_path / "b", moving_pack, target_density=0.5, epochs=30, ema=0)
    assert run(without).density == report.density
    first, settled = (read_weights(each.out / PRUNED).tensors for each in (without, config))
    name = "encoder.0.convs.0.weight"
    assert torch.equal(first[name] == 0, settled[name] == 0)
    assert not torch.equal(first[name], settled[name])


def test_a_target_waits_for_the_orthant_phase(tmp_path: Path, moving_pack: Pack) -> None:
    """Weights come back from zero in the proximal phase."""
    report = run(prepare(tmp_path / "a", moving_pack, target_density=0.97))
    assert [epoch.phase for epoch in report.epochs] == ["proximal", "orthant"]
    assert report.epochs[0].density < 0.97 and report.epochs[1].step == 5


def test_a_target_that_is_missed_is_a_gate(tmp_path: Path, moving_pack: Pack) -> None:
    config = prepare(tmp_path / "a", moving_pack, target_density=0.01, penalty_growth=1, epochs=2)
    with pytest.raises(GateError, match="density was not reached"):
        run(config)
    report = PruneReport.model_validate_json((config.out / JSON_NAME).read_text())
    assert report.complete and report.target_reached is False
    assert report.density == density(
        read_weights(config.out / PRUNED).tensors[layer.name]
        for layer in report.layers
        if layer.penalised
    )


def test_the_penalty_is_raised_as_far_as_a_target_needs(tmp_path: Path, moving_pack: Pack) -> None:
    """By the weak penalty alone the target is out of reach; what is enough is found."""
    options = {"penalty": 0.01, "target_density": 0.6, "epochs": 8}
    with pytest.raises(GateError):
        run(prepare(tmp_path / "a", moving_pack, penalty_growth=1, **options))
    report = run(prepare(tmp_path / "b", moving_pack, **options))
    assert report.target_reached and report.epochs[-1].epoch > 2
    penalties = [epoch.penalty for epoch in report.epochs]
    assert penalties[0] == 0.01 and penalties[-1] > 0.02
    assert all(1 <= b / a <= 4 for a, b in pairwise(penalties))


def test_the_next_penalty_by_hand() -> None:
    def grown(before: float, now: float, target: float | None, left: int) -> float:
        return next_penalty(1.0, (before, now), target=target, epochs_left=left, growth=4.0)

    assert grown(0.9, 0.8, 0.2, 4) == pytest.approx(1.1 * 0.2 / 0.1)
    assert grown(0.9, 0.8, 0.2, 50) == 1, "never lowered"
    assert grown(0.9, 0.89, 0.2, 2) == 4, "no more than growth"
    assert grown(0.9, 0.9, 0.2, 9) == 4, "nothing was lost"
    assert grown(0.9, 0.1, 0.2, 9) == 1, "below the target"
    assert grown(0.9, 0.8, None, 9) == 4


def test_a_killed_run_ends_with_the_bytes_of_an_unbroken_one(
    tmp_path: Path, moving_pack: Pack
) -> None:
    options = {"target_density": 0.4, "penalty": 0.02, "epochs": 12, "settle_epochs": 1, "ema": 0.5}
    whole = prepare(tmp_path / "whole", moving_pack, **options)
    broken = prepare(tmp_path / "broken", moving_pack, **options)
    expected = run(whole)
    process = subprocess.Popen(in_process(broken), env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    checkpoint = broken.out / CHECKPOINT
    deadline = time.monotonic() + 120
    while not checkpoint.exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    saved = torch.load(checkpoint, weights_only=True)["step"]
    assert 0 < saved < expected.epochs[-1].step
    (broken.out / ".pruned.1.part.safetensors").write_bytes(b"half a file")
    assert run(broken).epochs == expected.epochs
    assert (whole.out / PRUNED).read_bytes() == (broken.out / PRUNED).read_bytes()
    assert not list(broken.out.glob(".*"))


@pytest.mark.parametrize("stop", [1, 3, 4, 9, 15])
def test_a_run_in_pieces_is_the_run(tmp_path: Path, moving_pack: Pack, stop: int) -> None:
    """Stops within the proximal phase, at its end, in the orthant phase, and while settling."""
    options = {"epochs": 3, "settle_epochs": 1, "penalty_growth": 1.5}
    whole = prepare(tmp_path / "whole", moving_pack, **options)
    pieces = prepare(tmp_path / "pieces", moving_pack, **options)
    expected = run(whole)
    prune(pieces, report=lambda _: None, stop_after=stop)
    assert run(pieces).epochs == expected.epochs
    assert (whole.out / PRUNED).read_bytes() == (pieces.out / PRUNED).read_bytes()
    with pytest.raises(InputError, match="this run is complete"):
        run(pieces)


@pytest.mark.slow
def test_two_processes_prune_as_one_does(tmp_path: Path, moving_pack: Pack) -> None:
    one, two = (prepare(tmp_path / name, moving_pack) for name in ("one", "two"))
    expected = run(one)
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    done = subprocess.run(
        in_process(two, *launcher), env=ENVIRONMENT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    report = PruneReport.model_validate_json((two.out / JSON_NAME).read_text())
    for ours, theirs in zip(report.epochs, expected.epochs, strict=True):
        assert ours.phase == theirs.phase
        assert ours.loss == pytest.approx(theirs.loss, abs=1e-5)
        assert ours.density == pytest.approx(theirs.density, abs=2e-3)  # rounding may flip a sign


def test_any_network_of_the_family_is_pruned_under_autocast(
    tmp_path: Path, moving_pack: Pack
) -> None:
    config = prepare(
        tmp_path / "a",
        moving_pack,
        NETWORKS.get("cdfi_mobile"),
        epochs=2,
        precision="bfloat16",
        warp="auto",
    )
    report = run(config)
    assert report.network == "cdfi_mobile" and 0 < report.density < 0.9
    assert {t.dtype for t in read_weights(config.out / PRUNED).tensors.values()} == {torch.float32}


def test_names_choose_what_is_penalised() -> None:
    network = build_network(TINY, seed=0)
    everything = {name for name, _ in choose(network, ["*"], [])}
    assert everything == {name for name, p in network.named_parameters() if p.ndim == 4}
    some = {name for name, _ in choose(network, ["encoder.*", "heads.*"], ["heads.alpha?.*"])}
    assert some == {
        name
        for name in everything
        if name.startswith(("encoder", "heads")) and not name.startswith("heads.alpha")
    }
    with pytest.raises(InputError, match="matches 'decodre"):
        choose(network, ["decodre.*"], [])
    with pytest.raises(InputError, match="matches 'nothing'"):
        choose(network, ["*"], ["nothing"])
    with pytest.raises(InputError, match="nothing to prune"):
        choose(network, ["*.bias"], [])


def test_shared_weights_are_one_parameter() -> None:
    network = build_network(TINY, seed=0)
    network.heads["alpha2"] = network.heads["alpha0"]  # type: ignore[operator,index]
    names = [name for name, _ in choose(network, ["*"], [])]
    assert any("alpha0" in name for name in names) and not any("alpha2" in name for name in names)


def test_settings_fill_what_is_not_named(tmp_path: Path) -> None:
    files = {key: Path("x") for key in ("checkpoint", "pack", "val_pack", "out")}
    for name, setting in SETTINGS.items():
        config = prune_config(None, {**files, "setting": name})
        got = (config.rate, config.first_penalty, config.smallest, config.proximal)
        assert got == (
            setting.learning_rate,
            setting.penalty,
            setting.eps,
            setting.proximal_epochs,
        )
    config = prune_config(None, {**files, "setting": "long_version", "eps": 0.5, "penalty": None})
    assert config.smallest == 0.5 and config.first_penalty == 1e-4 and config.proximal == 10
    file = tmp_path / "c.toml"
    lines = ['checkpoint = "a.safetensors"', 'pack = "p"', 'val_pack = "v"', 'out = "o"', "eps = 1"]
    file.write_text("\n".join(lines))
    config = prune_config(file, {"pack": Path("q"), "epochs": 3})
    assert config.checkpoint == tmp_path / "a.safetensors" and config.pack == Path.cwd() / "q"
    assert config.smallest == 1 and config.epochs == 3


@pytest.mark.parametrize("name", ["adacof_half", "published"])
def test_the_configs_that_travel_with_the_package_fit(name: str) -> None:
    file = Path(cdfi_model.pruning.__file__).parent / "configs" / f"{name}.toml"
    config = prune_config(file, {})
    assert config.checkpoint.parent == file.parent
    assert config.training().total_steps == (
        (config.epochs + config.settle_epochs) * config.epoch_steps
    )
    assert (config.losses.vgg > 0) == (name == "published")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"setting": "other"}, "setting"),
        ({"target_density": 1.5}, "target_density"),
        ({"penalty": -1.0}, "penalty"),
        ({"target_density": 0.5, "epochs": 2, "setting": "readme"}, "orthant"),
        ({"penalty_growth": 0.5}, "penalty_growth"),
    ],
)
def test_options_that_do_not_fit_are_named(options: dict[str, Any], message: str) -> None:
    files = {key: Path("x") for key in ("checkpoint", "pack", "val_pack", "out")}
    with pytest.raises(InputError, match=message):
        prune_config(None, {**files, **options})


def test_a_checkpoint_that_cannot_be_pruned_is_refused(tmp_path: Path, moving_pack: Pack) -> None:
    config = prepare(tmp_path / "a", moving_pack)
    good = config.checkpoint.read_bytes()
    broken = build_network(TINY, seed=0)
    with torch.no_grad():
        broken.encoder[0].convs[0].weight[0, 0, 0, 0] = float("nan")  # type: ignore[index,union-attr]
    save_weights(config.checkpoint, broken)
    with pytest.raises(ArtifactError, match="not finite"):
        run(config)
    config.checkpoint.write_bytes(b"\x08" + bytes(100))
    with pytest.raises(ArtifactError, match="no readable safetensors"):
        run(config)
    config.checkpoint.write_bytes(good)
    run(config, stop_after=4)
    save_weights(config.checkpoint, build_network(TINY, seed=9))
    with pytest.raises(ArtifactError, match="began with another weights file"):
        run(config)


def test_an_empty_pack_and_no_pack_are_refused(tmp_path: Path, moving_pack: Pack) -> None:
    config = prepare(tmp_path / "a", moving_pack)
    empty = moving_pack(tmp_path / "empty", count=0)
    for field in ("pack", "val_pack"):
        with pytest.raises(CdfiError, match="no triplets"):
            run(config.model_copy(update={field: empty}))
        with pytest.raises(InputError, match="no known layout"):
            run(config.model_copy(update={field: tmp_path / "missing"}))


def test_a_full_disk_loses_nothing(
    tmp_path: Path, moving_pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = prepare(tmp_path / "whole", moving_pack)
    run(whole)
    config = prepare(tmp_path / "a", moving_pack)
    run(config, stop_after=6)
    before = (config.out / PRUNED).read_bytes()
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.name.startswith(".pruned"):
            write(path, bytes(data)[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(OutputError, match="No space left"):
            run(config)
    assert (config.out / PRUNED).read_bytes() == before
    run(config)
    assert (config.out / PRUNED).read_bytes() == (whole.out / PRUNED).read_bytes()


def test_the_command(tmp_path: Path, moving_pack: Pack) -> None:
    config = prepare(tmp_path / "a", moving_pack)
    files = ["--pack", str(config.pack), "--val-pack", str(config.val_pack)]
    options = "--lr 0.05 --penalty 0.1 --proximal-epochs 1 --epochs 2 --epoch-samples 8 --batch 2"
    line = ["prune", str(config.checkpoint), *files, "--out", str(config.out), *options.split()]
    line += ["--crop", "32", "--threads", "1", "--fixed", "heads.*", "--fixed", "upsample.*"]
    result = CliRunner().invoke(app, line)
    assert result.exit_code == 0, result.output
    assert "epoch 2 (orthant, penalty 0.1)" in result.output
    report = PruneReport.model_validate_json((config.out / JSON_NAME).read_text())
    parts = {layer.name.split(".")[0] for layer in report.layers if layer.penalised}
    assert parts == {"encoder", "decoder"}
    again = CliRunner().invoke(app, line)
    assert isinstance(again.exception, InputError)
    missed = CliRunner().invoke(
        app,
        [
            *command(config.model_copy(update={"out": tmp_path / "a" / "other"})),
            "--target-density",
            "0.001",
            "--penalty-growth",
            "1",
        ],
    )
    assert isinstance(missed.exception, GateError) and missed.exception.exit_code == 1


def test_progress_counts_every_step_and_epochs_their_mean_loss(
    tmp_path: Path, moving_pack: Pack
) -> None:
    seen: list[Progress] = []
    report = prune(prepare(tmp_path / "a", moving_pack, epochs=2), report=seen.append)
    assert report is not None
    assert [progress.step for progress in seen] == list(range(1, 9))
    assert [bool(progress.note) for progress in seen] == [False, False, False, True] * 2
    for index, epoch in enumerate(report.epochs):
        losses = [progress.loss for progress in seen[4 * index : 4 * index + 4]]
        assert epoch.loss == pytest.approx(sum(losses) / 4)


@pytest.mark.parametrize(
    "options", [{"penalty": 0.2}, {"eps": 0.1}, {"fixed": ("encoder.0.*",)}], ids=str
)
def test_a_resumed_run_keeps_its_values(
    tmp_path: Path, moving_pack: Pack, options: dict[str, Any]
) -> None:
    config = prepare(tmp_path / "a", moving_pack)
    run(config, stop_after=4)
    files = {key: getattr(config, key) for key in ("checkpoint", "pack", "val_pack", "out")}
    with pytest.raises(CdfiError, match=r"other values|another optimizer"):
        run(prune_config(None, {**FAST, **files, **options}))
    assert run(config).complete


CHANNELS: dict[str, Any] = {
    "structure": "channels",
    "learning_rate": 0.05,
    "penalty": 0.3,
    "epochs": 6,
    "settle_epochs": 1,
    "target_density": 0.7,
}


def test_channels_go_as_a_whole_and_their_removal_changes_no_frame(
    tmp_path: Path, moving_pack: Pack
) -> None:
    config = prepare(tmp_path / "run", moving_pack, **CHANNELS)
    report = run(config)
    assert report.target_reached and report.density <= 0.7
    phases = [epoch.phase for epoch in report.epochs]
    assert "orthant" not in phases and phases[-1] == "support"
    network = load_network(config.out / PRUNED)
    channels = GroupLasso(network, 0.0)
    zero = sum(int(mask.sum()) for mask in channels.zero())
    assert zero and channels.density() == report.density
    # Single weights are never made zero: whatever is, is a whole channel of what writes it.
    for name, weight in network.named_parameters():
        if weight.dim() == 4 and ".out." not in name and "synthesis" not in name:
            dead = (weight == 0).flatten(1)
            assert torch.equal(dead.any(1), dead.all(1)), name
    removed = remove_dead_channels(network, name="narrow")
    alone = sum(int(mask.all()) for mask in channels.zero())  # one channel stays everywhere
    assert removed.removed == zero - alone and removed.constant == 0
    assert removed.network.count_parameters() < network.count_parameters()
    frames = [torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(n)) for n in (0, 1)]
    with torch.no_grad():
        difference = network(*frames) - removed.network(*frames)
    assert float(difference.abs().max()) <= 1e-6


def test_zero_channels_stay_while_the_others_settle(tmp_path: Path, moving_pack: Pack) -> None:
    config = prepare(tmp_path / "run", moving_pack, **CHANNELS | {"settle_epochs": 3})
    report = run(config)
    settled = [epoch.density for epoch in report.epochs if epoch.phase == "support"]
    assert len(settled) == 3 and len(set(settled)) == 1


def test_a_channel_run_in_pieces_gives_the_same_bytes(tmp_path: Path, moving_pack: Pack) -> None:
    whole = prepare(tmp_path / "whole", moving_pack, **CHANNELS)
    run(whole)
    pieces = prepare(tmp_path / "pieces", moving_pack, **CHANNELS)
    prune(pieces, report=lambda _: None, stop_after=5)
    run(pieces)
    assert (whole.out / PRUNED).read_bytes() == (pieces.out / PRUNED).read_bytes()


def test_patterns_are_for_single_weights(tmp_path: Path, moving_pack: Pack) -> None:
    with pytest.raises(InputError, match="channels go as a whole"):
        prepare(tmp_path / "run", moving_pack, structure="channels", fixed=("heads.*",))
