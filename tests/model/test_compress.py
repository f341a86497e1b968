"""The whole way from a baseline to a narrower network, by one config."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from cdfi_model.checkpoints.weights import load_network, read_weights, save_weights
from cdfi_model.cli import app
from cdfi_model.kernel_unet_spec import MAP_HEADS, KernelUNetSpec
from cdfi_model.network import InterpolationNetwork, build_network
from cdfi_model.pruning import compress_run
from cdfi_model.pruning.compress_config import CompressPlan, load_compress_config
from cdfi_model.pruning.compress_report import COMPRESS_MARKDOWN, read_compress_report
from cdfi_model.pruning.compress_run import compress
from cdfi_model.spec import WarpSpec
from cdfi_model.training.loop import CHECKPOINT
from cdfi_runtime.errors import ArtifactError, GateError, InputError
from typer.testing import CliRunner

Pack = Callable[..., Path]
TINY = KernelUNetSpec(
    name="tiny",
    summary="as small as the way needs",
    warp=WarpSpec(taps=3, dilation=1, sampling="truncate"),
    encoder=((8,), (16,)),
    decoder=((16,),),
    occlusion=(8,),
    **dict.fromkeys(MAP_HEADS, (8,)),  # type: ignore[arg-type]
)
CONFIG = """
pack = "pack"
val_pack = "pack"
out = "out"
seed = 3
weights = "start.safetensors"
[prune]
learning_rate = 0.05
penalty = 0.1
proximal_epochs = 1
epochs = 2
epoch_samples = 8
batch = 2
crop = 32
strips = 0
warp = "per_tap"
[compact]
parameters = 4000
init = "strongest"
size = [64, 64]
name = "tiny_compact"
[retrain]
learning_rate = 1e-3
warmup = 1
eval_every = 2
strips = 0
warp = "per_tap"
stages = [{ steps = 4, batch = 2, crop = 32, offset_weight = [0.0, 0.0] }]
"""
# Nothing is learned: the retrained network is as the sliced one.
STILL = CONFIG.replace("learning_rate = 1e-3", "learning_rate = 1e-12")
BASELINE = """
[baseline]
network = "compressed_adacof"
initialization = "unit_variance"
learning_rate = 2e-3
stages = [{ steps = 9, batch = 2, crop = 64 }]
"""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def prepare(folder: Path, pack: Pack, text: str = CONFIG) -> Path:
    pack(folder / "pack")
    save_weights(folder / "start.safetensors", build_network(TINY, seed=1))
    config = folder / "compress.toml"
    config.write_text(text)
    return config


def silent(_stage: str, _progress: object) -> None:
    """Shows nothing."""


def test_every_stage_is_made_and_counted(tmp_path: Path, moving_pack: Pack) -> None:
    plan = load_compress_config(prepare(tmp_path, moving_pack))
    report = compress(plan, tell=silent)
    assert read_compress_report(plan.config.out) == report
    names = [stage.name for stage in report.stages]
    assert names == ["baseline", "pruned", "compact", "retrained"]
    baseline, pruned, compact, retrained = report.stages
    assert baseline.nonzero == baseline.parameters == pruned.parameters
    assert pruned.nonzero < pruned.parameters
    assert pruned.sparse_bytes is not None and pruned.sparse_bytes < pruned.bytes
    assert baseline.sparse_bytes is None
    assert compact.parameters == retrained.parameters <= 4000
    assert compact.sha256 != retrained.sha256
    assert compact.macs < baseline.macs
    assert retrained.network == "tiny_compact"
    assert (baseline.steps, pruned.steps, retrained.steps) == (None, 8, 4)
    assert report.fewer_parameters == baseline.parameters / retrained.parameters
    assert report.lost_db == pytest.approx(baseline.val_psnr_db - retrained.val_psnr_db)
    for stage in report.stages:
        path = plan.config.out / stage.weights
        assert read_weights(path).sha256 == stage.sha256
        assert load_network(path).count_parameters() == stage.parameters
    assert "tiny" in json.loads((plan.spec.parent / "density.json").read_text())["network"]
    assert "| retrained |" in (plan.config.out / COMPRESS_MARKDOWN).read_text()


def test_the_strongest_channels_are_what_the_retraining_begins_with(
    tmp_path: Path, moving_pack: Pack
) -> None:
    plan = load_compress_config(prepare(tmp_path, moving_pack, STILL))
    compress(plan, tell=silent)
    assert plan.start is not None
    first = load_network(plan.start).state_dict()
    last = load_network(plan.retrain.out / "best.safetensors").state_dict()
    for name, tensor in first.items():
        assert torch.allclose(tensor, last[name], atol=1e-6), name


def test_random_weights_are_another_beginning(tmp_path: Path, moving_pack: Pack) -> None:
    text = CONFIG.replace('init = "strongest"', 'init = "random"')
    plan = load_compress_config(prepare(tmp_path, moving_pack, text))
    assert plan.start is None and plan.retrain.spec == plan.spec
    report = compress(plan, tell=silent)
    assert [stage.name for stage in report.stages] == ["baseline", "pruned", "retrained"]
    assert report.init == "random"


def test_a_way_that_was_stopped_goes_on_to_the_same_bytes(
    tmp_path: Path, moving_pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "broken").mkdir()
    whole = load_compress_config(prepare(tmp_path / "whole", moving_pack))
    expected = compress(whole, tell=silent)
    broken = load_compress_config(prepare(tmp_path / "broken", moving_pack))
    told: list[tuple[str, int]] = []

    def stop(stage: str, progress: object) -> None:
        step = getattr(progress, "step", 0)
        told.append((stage, step))
        if (stage, step) == ("retrained", 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compress(broken, tell=stop)
    assert not (broken.config.out / "compress.json").exists()
    pruned = (broken.prune.out / CHECKPOINT).stat().st_mtime_ns
    report = compress(broken, tell=silent)
    assert (broken.prune.out / CHECKPOINT).stat().st_mtime_ns == pruned, "the pruning was run again"
    assert [stage.sha256 for stage in report.stages] == [stage.sha256 for stage in expected.stages]
    # Nothing is left to do.
    monkeypatch.setattr(compress_run.Run, "go", None)
    assert compress(broken, tell=silent) == report


def test_a_trained_baseline_lends_its_schedule(tmp_path: Path, moving_pack: Pack) -> None:
    text = CONFIG.replace('weights = "start.safetensors"\n', "")
    text = text.replace("[prune]", BASELINE + "[prune]")
    text = text.partition("[retrain]")[0] + "[retrain]\nlearning_rate = 1e-3\n"
    plan = load_compress_config(prepare(tmp_path, moving_pack, text))
    assert plan.baseline is not None
    assert (
        plan.weights == tmp_path / "out" / "baseline" / "best.safetensors" == plan.prune.checkpoint
    )
    assert plan.retrain.stages == plan.baseline.stages
    assert plan.retrain.learning_rate == 1e-3
    assert plan.retrain.initialization == "default", "it brings its own weights"
    assert plan.retrain.start == plan.start and plan.retrain.network is None
    assert plan.baseline.seed == plan.prune.seed == plan.retrain.seed == 3


@pytest.mark.parametrize(("db", "passes"), [(29.66, True), (29.64, False)])
def test_the_gate_decides_by_the_quality(
    tmp_path: Path, moving_pack: Pack, monkeypatch: pytest.MonkeyPatch, db: float, passes: bool
) -> None:
    def psnr_sum(network: InterpolationNetwork, _source: object, rows: list[int]) -> float:
        return len(rows) * (30.0 if network.spec.name == "tiny" else db)

    monkeypatch.setattr(compress_run, "psnr_sum", psnr_sum)
    config = prepare(tmp_path, moving_pack, STILL + "[gate]\nfewer_parameters = 1\n")
    plan = load_compress_config(config)
    if passes:
        assert compress(plan, tell=silent).verdict == "pass"
        return
    with pytest.raises(GateError, match="misses its gate"):
        compress(plan, tell=silent)
    report = read_compress_report(plan.config.out)
    assert report.verdict == "fail", "everything is written"
    assert report.lost_db == pytest.approx(0.36)


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ('weights = "start.safetensors"', "", "weights or the table baseline"),
        ("penalty = 0.1", "penalty = -1", "penalty"),
        ("[prune]", "[prune]\nseed = 4", "seed"),
        ("steps = 4", "steps = 0", "stages.0.steps"),
        ('init = "strongest"', 'init = "best"', "compact.init"),
        ("parameters = 4000", "parametres = 4000", "parametres"),
    ],
)
def test_misfits_are_named_before_anything_runs(
    tmp_path: Path, moving_pack: Pack, before: str, after: str, named: str
) -> None:
    assert before in CONFIG
    config = prepare(tmp_path, moving_pack, CONFIG.replace(before, after, 1))
    with pytest.raises(InputError, match=named):
        load_compress_config(config)
    assert not (tmp_path / "out").exists()


def test_a_budget_that_nothing_meets_is_refused(tmp_path: Path, moving_pack: Pack) -> None:
    text = CONFIG.replace("parameters = 4000", "parameters = 10")
    plan = load_compress_config(prepare(tmp_path, moving_pack, text))
    with pytest.raises(InputError, match="budget"):
        compress(plan, tell=silent)
    assert not plan.retrain.out.exists()


def test_several_processes_are_refused(
    tmp_path: Path, moving_pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan: CompressPlan = load_compress_config(prepare(tmp_path, moving_pack))
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="one process"):
        compress(plan, tell=silent)


def test_the_command_shows_the_table_and_exits_by_the_gate(
    tmp_path: Path, moving_pack: Pack
) -> None:
    config = prepare(tmp_path, moving_pack, CONFIG + "[gate]\nfewer_parameters = 99\n")
    result = CliRunner().invoke(app, ["compress", str(config), "--threads", "1"])
    assert isinstance(result.exception, GateError)
    good = tmp_path / "good.toml"
    good.write_text(CONFIG)
    result = CliRunner().invoke(app, ["compress", str(good)])
    assert result.exit_code == 0, result.output
    assert "| retrained |" in result.output and "times fewer parameters" in result.output


def test_a_foreign_report_is_refused(tmp_path: Path) -> None:
    (tmp_path / "compress.json").write_text('{"schema_version": 7}')
    with pytest.raises(ArtifactError, match="no compression report"):
        read_compress_report(tmp_path)


def test_the_config_that_travels_with_the_package_fits() -> None:
    file = Path(compress_run.__file__).parent / "configs" / "compress_adacof_half.toml"
    plan = load_compress_config(file)
    assert plan.baseline is not None and plan.baseline.network == "adacof_half"
    steps = plan.prune.training().total_steps + plan.retrain.total_steps
    assert steps < plan.baseline.total_steps, "no more than the budget of the baseline"
    assert plan.config.gate is not None and plan.config.gate.fewer_parameters == 8
