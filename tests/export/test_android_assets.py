"""``cdfi-export --android``: what it makes, and the app's assets folder kept whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cdfi_export import android, android_assets, run
from cdfi_export.android import ASSETS, SHIPPED, plan_shipped, shipped_assets
from cdfi_export.android_assets import INDEX, Index, read_index, ship
from cdfi_export.cli import app
from cdfi_export.frame_size import FrameSize
from cdfi_export.options import ExportOptions
from cdfi_runtime.command import run_app
from cdfi_runtime.errors import ArtifactError, GateError, InputError, OutputError
from cdfi_runtime.files import sha256_file
from cdfi_runtime.manifest import load_manifest, manifest_path

Made = Callable[..., Path]


@pytest.fixture
def assets(tmp_path: Path) -> Path:
    return tmp_path / "assets" / "artifacts"


@pytest.fixture
def made(tmp_path: Path, tiny_run: Any) -> Made:
    """Writes artifacts of any bytes with manifests that fit: ``made("a.onnx", b"...")``."""
    folder = tmp_path / "made"
    folder.mkdir()
    like = load_manifest(tiny_run.out / "tiny_dynamic.onnx")

    def make(name: str, content: bytes = b"graph") -> Path:
        path = folder / name
        path.write_bytes(content)
        facts = {"file": name, "sha256": sha256_file(path), "bytes": len(content)}
        own = like.artifact.model_copy(update=facts)
        like.model_copy(update={"artifact": own}).save(path)
        return folder

    return make


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def beside(assets: Path) -> set[str]:
    return names(assets.parent) - {assets.name}


def test_a_set_is_written_with_its_index(made: Made, assets: Path) -> None:
    made("b.onnx", b"second")
    index = ship(made("a.onnx", b"first"), ["b.onnx", "a.onnx"], assets)
    assert [entry.file for entry in index.artifacts] == ["b.onnx", "a.onnx"]
    assert names(assets) == {
        *("a.onnx", "a.onnx.manifest.json", "b.onnx", "b.onnx.manifest.json"),
        INDEX,
    }
    assert Index.model_validate_json((assets / INDEX).read_text()) == index
    assert (assets / "b.onnx").read_bytes() == b"second"
    assert load_manifest(assets / "b.onnx").artifact.sha256 == index.artifacts[0].sha256
    assert not beside(assets)


def test_a_new_set_replaces_the_former_and_leaves_what_is_foreign(made: Made, assets: Path) -> None:
    ship(made("old.onnx"), ["old.onnx"], assets)
    (assets / "mine.onnx").write_bytes(b"mine")
    (assets / "folder").mkdir()
    (assets / "folder" / "note.txt").write_text("mine too")
    ship(made("new.onnx"), ["new.onnx"], assets)
    assert names(assets) == {"new.onnx", "new.onnx.manifest.json", INDEX, "mine.onnx", "folder"}
    assert (assets / "mine.onnx").read_bytes() == b"mine"
    assert (assets / "folder" / "note.txt").read_text() == "mine too"
    assert not beside(assets)


def test_a_foreign_file_in_the_way_is_refused(made: Made, assets: Path) -> None:
    ship(made("old.onnx"), ["old.onnx"], assets)
    (assets / "new.onnx").write_bytes(b"mine")
    before = names(assets)
    with pytest.raises(OutputError, match=r"no export wrote[^$]*new\.onnx[^$]*move it away"):
        ship(made("new.onnx"), ["new.onnx"], assets)
    assert names(assets) == before and (assets / "new.onnx").read_bytes() == b"mine"


def test_too_much_is_refused_and_nothing_is_touched(
    made: Made, assets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship(made("old.onnx"), ["old.onnx"], assets)
    before = names(assets)
    made("small.onnx")
    folder = made("large.onnx", bytes(4_000_000))
    monkeypatch.setattr(android_assets, "LIMIT_BYTES", 4_000_000)  # manifests count too
    with pytest.raises(GateError) as caught:
        ship(folder, ["large.onnx", "small.onnx"], assets)
    assert "4.0 MB in all" in str(caught.value) and "large.onnx has 4.0" in str(caught.value)
    assert caught.value.exit_code == 1
    assert names(assets) == before and not beside(assets)


def test_the_limit_is_six_megabytes(made: Made, assets: Path) -> None:
    with pytest.raises(GateError, match=r"6\.0 MB in all"):
        ship(made("large.onnx", bytes(6_000_000)), ["large.onnx"], assets)
    assert not assets.exists()


def test_a_disk_that_fills_up_leaves_the_former_set(
    made: Made, assets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship(made("old.onnx"), ["old.onnx"], assets)
    before = {path: path.read_bytes() for path in assets.iterdir()}

    def full(source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes()[:2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(android_assets, "_copy", full)
    with pytest.raises(OutputError, match="No space left"):
        ship(made("new.onnx"), ["new.onnx"], assets)
    assert {path: path.read_bytes() for path in assets.iterdir()} == before
    assert not beside(assets)


def test_a_rename_that_fails_brings_the_former_set_back(
    made: Made, assets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship(made("old.onnx"), ["old.onnx"], assets)
    rename = Path.rename

    def failing(path: Path, target: Path) -> Path:
        if path.name.startswith(".artifacts-"):
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OutputError, match="Input/output"):
        ship(made("new.onnx"), ["new.onnx"], assets)
    assert names(assets) == {"old.onnx", "old.onnx.manifest.json", INDEX}
    assert not beside(assets)


@pytest.mark.parametrize("renamed", [1, 2])
def test_an_export_that_was_killed_while_it_renamed_is_mended(
    made: Made, assets: Path, monkeypatch: pytest.MonkeyPatch, renamed: int
) -> None:
    """Between its renames there is no folder; after them the former one still lies there."""

    class KilledError(BaseException):
        pass

    ship(made("old.onnx"), ["old.onnx"], assets)
    (assets / "mine.txt").write_text("mine")
    former = assets.parent / ".artifacts.former"

    def killed(fresh: Path, assets: Path, former: Path) -> None:
        assets.rename(former)
        if renamed == 2:
            fresh.rename(assets)
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(android_assets, "_swap", killed)
        with pytest.raises(KilledError):
            ship(made("new.onnx"), ["new.onnx"], assets)
    assert former.is_dir() and assets.is_dir() == (renamed == 2)
    (assets.parent / ".artifacts-0123abcd").mkdir()  # which it could not remove either
    ship(made("newest.onnx"), ["newest.onnx"], assets)
    assert names(assets) == {"newest.onnx", "newest.onnx.manifest.json", INDEX, "mine.txt"}
    assert not beside(assets)


def test_a_link_to_the_folder_stays_a_link(made: Made, assets: Path, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere"
    real.mkdir()
    assets.parent.mkdir()
    assets.symlink_to(real)
    ship(made("a.onnx"), ["a.onnx"], assets)
    assert assets.is_symlink() and "a.onnx" in names(real)


def test_an_index_that_is_not_ours_is_refused(made: Made, assets: Path) -> None:
    assets.mkdir(parents=True)
    (assets / INDEX).write_text('{"schema_version": 1, "artifacts": [{"file": "../../x"}]}')
    with pytest.raises(ArtifactError, match="no index of shipped artifacts"):
        ship(made("a.onnx"), ["a.onnx"], assets)
    assert names(assets) == {INDEX}
    assert read_index(assets.parent) is None


def test_an_artifact_that_is_not_its_manifests_is_refused(made: Made, assets: Path) -> None:
    folder = made("a.onnx")
    (folder / "a.onnx").write_bytes(b"other")
    with pytest.raises(ArtifactError, match="not the file its manifest describes"):
        ship(folder, ["a.onnx"], assets)
    assert not assets.exists()


def test_what_is_planned_is_the_spec(tiny_weights: Path, tmp_path: Path) -> None:
    planned = plan_shipped(ExportOptions(weights=tiny_weights, out=tmp_path))
    assert not planned.refused
    assert [(cell.plan.size, cell.plan.precision) for cell in planned.cells] == [
        (item.size, item.precision) for item in SHIPPED
    ]
    assert [cell.plan.file for cell in planned.cells] == [
        "tiny_dynamic.onnx",
        "tiny_448x256_float16.onnx",
        "tiny_448x256_int8.onnx",
    ]
    assert {cell.plan.format.name for cell in planned.cells} == {"onnx"}


def test_the_folder_is_that_of_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    with pytest.raises(InputError, match="--android-dir android_demo/app/src/main"):
        shipped_assets(True, None)
    assert shipped_assets(True, Path("x")) == Path("x")
    assert shipped_assets(False, None) is None
    (tmp_path / "android_demo").mkdir()
    (tmp_path / "android_demo" / "BENCHMARK.md").write_text("the contract")
    assert shipped_assets(True, None) == tmp_path / "android_demo" / ASSETS


def test_options_that_the_spec_settles_are_refused() -> None:
    with pytest.raises(InputError, match="got: --size, --dynamic"):
        shipped_assets(True, Path("x"), all=False, size=["1x1"], dynamic=True, format=None)
    with pytest.raises(InputError, match="--android-dir is for --android"):
        shipped_assets(False, Path("x"))


def _command(*arguments: object) -> int:
    with pytest.raises(SystemExit) as caught:
        run_app(app, ["--android", *map(str, arguments)])
    return int(caught.value.code or 0)


@pytest.fixture
def copied_graphs(monkeypatch: pytest.MonkeyPatch, tiny_run: Any) -> None:
    """Cells run in this process, with graphs of an earlier run: tracing is tested elsewhere."""
    from dataclasses import replace

    from cdfi_export.format_spec import FORMATS, GraphRequest, WrittenGraph

    def copy(request: GraphRequest, path: Path) -> WrittenGraph:
        source = "tiny_64x64.onnx" if request.size else "tiny_dynamic.onnx"
        path.write_bytes((tiny_run.out / source).read_bytes())
        return WrittenGraph()

    def direct(function: Any, *args: Any, on_message: Any = None) -> Any:
        return function(on_message, *args)

    small = FrameSize(64, 64)
    sizes = tuple(replace(item, size=item.size and small) for item in SHIPPED)
    monkeypatch.setattr(android, "SHIPPED", sizes)
    monkeypatch.setattr(run, "run_apart", direct)
    monkeypatch.setitem(FORMATS._entries, "onnx", replace(FORMATS.get("onnx"), export=copy))


@pytest.mark.usefixtures("copied_graphs")
def test_the_command_makes_and_ships(
    tiny_weights: Path, tmp_path: Path, assets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--weights", tiny_weights, "--out", tmp_path / "out", "--threads", 1)
    assert _command(*given, "--android-dir", assets) == 0
    output = capsys.readouterr().out
    assert "the app ships 3 artifacts" in output and "tiny_64x64_int8.onnx" in output
    index = json.loads((assets / INDEX).read_text())
    assert [each["precision"] for each in index["artifacts"]] == ["float32", "float16", "int8"]
    for each in index["artifacts"]:
        assert manifest_path(assets / each["file"]).is_file()
    # All of it is found, not made, the next time; the assets are written again all the same.
    (assets / "tiny_dynamic.onnx").unlink()
    assert _command(*given, "--android-dir", assets) == 0
    assert capsys.readouterr().out.count("unchanged") == 3
    assert (assets / "tiny_dynamic.onnx").is_file()


@pytest.mark.usefixtures("copied_graphs")
def test_a_missed_gate_ships_nothing(
    tiny_weights: Path, tmp_path: Path, assets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cdfi_export import pipeline, verify
    from cdfi_export.gates import ParityGate, parity_gate

    def for_int8(precision: str, *rest: str) -> ParityGate:
        if precision == "int8":
            return ParityGate(max_abs=1e-12, psnr_db=300.0)
        return parity_gate(precision, *rest)

    for module in (pipeline, verify):
        monkeypatch.setattr(module, "parity_gate", for_int8)
    given = ("--weights", tiny_weights, "--out", tmp_path / "out", "--threads", 1)
    assert _command(*given, "--android-dir", assets) == 1
    assert not assets.exists()


def test_the_command_refuses_what_the_spec_settles(
    assets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _command("--android-dir", assets, "--precision", "int8", "--size", "64x64") == 2
    assert "chooses formats, precisions and sizes by itself" in capsys.readouterr().err
    assert not assets.exists()
