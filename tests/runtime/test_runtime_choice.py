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
    assert choose_runtime(make_artifact()).spec.name == "onnxruntime"
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"x")
    assert choose_runtime(weights).spec.name == "torch"


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


def _never(path: Path, threads: int | None, accelerator: str) -> Any:  # noqa: ARG001
    raise AssertionError("must not be opened")


def test_the_choice_says_why(make_artifact: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    onnxruntime = RUNTIMES.get("onnxruntime")
    absent = RuntimeSpec("absent", ("onnx",), "no_such_library_xyz", "litert", open=_never)
    elsewhere = RuntimeSpec("else", ("onnx",), "json", None, open=_never, platforms=("plan9",))
    entries = {spec.name: spec for spec in (absent, elsewhere, onnxruntime)}
    monkeypatch.setattr(RUNTIMES, "_entries", entries)
    path = make_artifact()
    choice = choose_runtime(path)
    assert choice.spec is onnxruntime
    for text in ("'onnx', is installed", "'absent' is not installed", "cdfi-mobile[litert]"):
        assert text in choice.reason
    assert "'else' runs on plan9 only" in choice.reason
    assert choose_runtime(path, "onnxruntime").reason == "as asked for"


def test_a_provider_that_this_build_lacks_is_no_silent_fallback(make_artifact: Any) -> None:
    path = make_artifact()
    session = open_artifact(path, accelerator="qnn")
    assert session.accelerator == "cpu"
    assert session.fallback is not None and "no provider 'qnn'" in session.fallback
    with pytest.raises(InputError, match=r"(?s)all of it on 'qnn'.*cpu: .*no provider 'qnn'"):
        open_artifact(path, accelerator="qnn", strict=True)


def test_a_provider_that_takes_nothing_is_told_from_one_that_works(make_artifact: Any) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    if "AzureExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("this build has no provider that leaves every node to the CPU")
    session = open_artifact(make_artifact(), accelerator="azure")
    assert (session.accelerator, session.fallback) == ("cpu", "'azure' took no node")
    for accelerator in ("auto", "cpu"):
        session = open_artifact(make_artifact(), accelerator=accelerator, strict=True)
        assert (session.accelerator, session.fallback) == ("cpu", None)


def test_a_graph_shared_by_two_providers_is_told_in_numbers() -> None:
    from cdfi_runtime.backends.onnxruntime import _fallback, _in_words

    nodes = {"nnapi": 790, "cpu": 26}
    available = ["NnapiExecutionProvider", "CPUExecutionProvider"]
    assert _in_words(nodes) == "nnapi (790 of 816 nodes), cpu (26 of 816 nodes)"
    assert _fallback("nnapi", nodes, available) == "'nnapi' left 26 nodes to others"
    assert _fallback("nnapi", {"nnapi": 816}, available) is None


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
