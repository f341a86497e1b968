"""The command cdfi-model as a user runs it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from cdfi_model.checkpoints.weights import read_weights
from cdfi_model.cli import app
from cdfi_runtime.command import run_app
from torch import Tensor


def run(*args: str | Path) -> int:
    with pytest.raises(SystemExit) as end:
        run_app(app, [str(arg) for arg in args])
    return int(end.value.code or 0)


def squeeze(text: str) -> str:
    return " ".join(text.split())


def test_networks_lists_every_network(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("networks") == 0
    text = squeeze(capsys.readouterr().out)
    for expected in ("cdfi_mobile", "kernel_unet", "4,976,718", "106.4", "truncate", "11x11 d2"):
        assert expected in text


def test_init_info_export_import(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, checkpoint, second = (
        tmp_path / name for name in ("a.safetensors", "b.pth", "c.safetensors")
    )
    assert run("init", "compressed_adacof", "--seed", "3", "-o", first) == 0
    assert run("info", first) == 0
    text = capsys.readouterr().out
    assert "2,452,094" in text
    assert "random initialisation" in text
    assert read_weights(first).sha256 in squeeze(text).replace(" ", "").replace("│", "")
    assert run("export-checkpoint", first, "-o", checkpoint) == 0
    assert run("import-checkpoint", checkpoint, "--network", "compressed_adacof", "-o", second) == 0
    one, other = read_weights(first), read_weights(second)
    assert one.spec == other.spec
    assert all(torch.equal(one.tensors[name], other.tensors[name]) for name in one.tensors)
    assert other.info["file"] == "b.pth"


def test_the_same_seed_gives_the_same_file(tmp_path: Path) -> None:
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert run("init", "compressed_adacof", "--seed", seed, "-o", tmp_path / name) == 0
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b != c


def test_another_network_is_refused(
    tmp_path: Path,
    golden_state_dict: Callable[[str], dict[str, Tensor]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    checkpoint = tmp_path / "published.pth"
    torch.save({"state_dict": golden_state_dict("compressed_adacof_f5_d1")}, checkpoint)
    out = tmp_path / "w.safetensors"
    assert run("import-checkpoint", checkpoint, "--network", "adacof", "-o", out) == 2
    assert "--network compressed_adacof" in capsys.readouterr().err
    assert not out.exists()


def test_errors_end_with_2_and_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty.pth"
    empty.touch()
    for args, problem in (
        (("init", "nonsense", "-o", tmp_path / "w"), "compressed_adacof_plus"),
        (("import-checkpoint", empty, "--network", "cdfi", "-o", tmp_path / "w"), "is empty"),
        (("info", tmp_path / "none"), "not found"),
        (("init", "compressed_adacof", "-o", empty / "w"), "cannot be written"),
    ):
        assert run(*args) == 2
        error = capsys.readouterr().err
        assert problem in error
        assert "Traceback" not in error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.pth"]
