from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from cdfi_runtime import registry
from cdfi_runtime.errors import (
    ArtifactError,
    CdfiError,
    InputError,
    MissingDependencyError,
    UnknownNameError,
)
from cdfi_runtime.manifest import manifest_path
from cdfi_runtime.registry import Registry
from cdfi_runtime.runtimes import RUNTIMES, RuntimeSpec, choose_runtime, open_artifact


@pytest.fixture(autouse=True)
def _torch_runtime() -> None:
    importlib.import_module("cdfi_model.torch_runtime")  # as the entry point does when installed


def test_auto_goes_by_format(make_artifact: Any, tmp_path: Path) -> None:
    assert choose_runtime(make_artifact()).name == "onnxruntime"
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"x")
    assert choose_runtime(weights).name == "torch"


def test_the_manifest_decides_not_the_file_name(make_artifact: Any) -> None:
    path = make_artifact(name="model.bin")
    assert open_artifact(path).runtime == "onnxruntime"
    manifest_path(path).unlink()
    with pytest.raises(ArtifactError, match=r"(?s)no runtime can open model.bin.*'bin'"):
        choose_runtime(path)


def test_a_runtime_that_does_not_take_the_format_names_the_one_that_does(
    make_artifact: Any,
) -> None:
    with pytest.raises(InputError, match=r"(?s)safetensors.*'onnx'.*--runtime onnxruntime"):
        open_artifact(make_artifact(), "torch")


def test_unknown_runtimes_are_listed(make_artifact: Any) -> None:
    with pytest.raises(UnknownNameError, match="onnxruntime"):
        open_artifact(make_artifact(), "tensorflow")


def test_a_missing_artifact_comes_before_its_runtime(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not found"):
        open_artifact(tmp_path / "absent.onnx")
    (tmp_path / "empty.onnx").touch()
    with pytest.raises(InputError, match="0 bytes"):
        open_artifact(tmp_path / "empty.onnx")


def test_a_library_that_is_not_installed_gives_the_pip_command(
    make_artifact: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = RuntimeSpec("absent", ("strange",), "no_such_library_xyz", "coreml", open=_never)
    monkeypatch.setattr(RUNTIMES, "_entries", {"absent": absent})
    path = make_artifact()
    text = manifest_path(path).read_text().replace('"onnx"', '"strange"')
    manifest_path(path).write_text(text)
    for runtime in ("auto", "absent"):
        with pytest.raises(MissingDependencyError, match=r"pip install 'cdfi-mobile\[coreml\]'"):
            open_artifact(path, runtime)


def _never(path: Path, threads: int | None) -> Any:  # noqa: ARG001
    raise AssertionError("must not be opened")


class _BrokenEntryPoint:
    name, value = "broken", "some_plugin.runtime"

    def load(self) -> None:
        raise ImportError("no module named some_library")


def test_a_broken_plugin_leaves_the_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "entry_points", lambda **_: [_BrokenEntryPoint()])
    fresh: Registry[RuntimeSpec] = Registry("runtime", "cdfi_runtime.backends", "some.group")
    fresh.register(RUNTIMES.get("onnxruntime"))
    assert fresh.names() == ("onnxruntime",)
    with pytest.raises(CdfiError, match=r"(?s)'broken'.*fails to load.*some_library"):
        fresh.get("broken")
    with pytest.raises(UnknownNameError):
        fresh.get("other")


def test_two_entries_of_one_name_are_a_defect() -> None:
    fresh: Registry[RuntimeSpec] = Registry("runtime", "cdfi_runtime.backends")
    fresh.register(RuntimeSpec("x", ("a",), "p", None, open=_never))
    with pytest.raises(ValueError, match="two entries"):
        fresh.register(RuntimeSpec("x", ("b",), "p", None, open=_never))
