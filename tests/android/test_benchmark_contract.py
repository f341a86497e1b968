"""``android_demo/BENCHMARK.md``, what ``:core`` writes and what ``cdfi-bench`` reads by it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from cdfi_bench.latency.collector import Phase
from cdfi_bench.phone import app_job
from cdfi_bench.phone.app_result import AppPart, AppResult, read_app_result
from cdfi_bench.phone.ways.app import _extras
from cdfi_export.android_assets import Entry, Index
from cdfi_runtime.errors import ArtifactError

DEMO = Path(__file__).parents[2] / "android_demo"
GOLDEN = DEMO / "core/src/test/resources/golden"
PAGE = (DEMO / "BENCHMARK.md").read_text(encoding="utf-8")
ANSWER = PAGE[PAGE.index("# The answer") : PAGE.index("# The shipped artifacts")]


def examples() -> list[dict[str, Any]]:
    return [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]


def keys_of_the_page() -> set[str]:
    table = ANSWER[ANSWER.index("| key |") : ANSWER.index("Example")]
    first = (line.split("|")[1] for line in table.splitlines()[2:] if line.startswith("|"))
    return {name for cell in first for name in re.findall(r"`([\w.]+)`", cell)}


def keys_of(result: dict[str, Any]) -> set[str]:
    own = {name for name in result if name != "app"}
    return own | {f"app.{name}" for name in result["app"]}


@pytest.mark.parametrize("name", ["benchmark_complete.json", "benchmark_failed.json"])
def test_cores_result_is_read(name: str) -> None:
    """``BenchmarkResultTest`` holds ``:core`` to the same two files."""
    result = read_app_result(GOLDEN / name)
    assert result.complete == (name == "benchmark_complete.json")
    assert (result.app.error is None) == result.complete
    assert (result.app.width, result.app.height) == (448, 256)
    if not result.complete:
        assert result.app.error is not None and result.stopped == "error"
        assert (result.app.error.expected, result.app.error.fix) == ("sha256 1", "push it again")


@pytest.mark.parametrize("name", ["benchmark_complete.json", "benchmark_failed.json"])
def test_cores_result_has_the_keys_of_the_page(name: str) -> None:
    assert keys_of(json.loads((GOLDEN / name).read_text())) == keys_of_the_page()


def test_all_that_is_read_is_on_the_page() -> None:
    read = {name for name in AppResult.model_fields if name != "app"}
    read |= {f"app.{name}" for name in AppPart.model_fields}
    assert read <= keys_of_the_page()


def test_each_missing_key_is_refused(tmp_path: Path) -> None:
    whole = json.loads((GOLDEN / "benchmark_complete.json").read_text())
    required = {name for name, field in AppPart.model_fields.items() if field.is_required()}
    assert "artifact_sha256" in required
    for name in required:
        part = {key: value for key, value in whole["app"].items() if key != name}
        path = tmp_path / "result.json"
        path.write_text(json.dumps(whole | {"app": part}))
        with pytest.raises(ArtifactError, match=rf"app\.{name}"):
            read_app_result(path)


def test_the_examples_of_the_page_are_read(tmp_path: Path) -> None:
    failure, index = examples()
    path = tmp_path / "failure.json"
    path.write_text(json.dumps(failure))
    result = read_app_result(path)
    assert result.app.error is not None and result.error == result.app.error.message
    assert keys_of(failure) == keys_of_the_page()
    (entry,) = index["artifacts"]
    whole = entry | {"sha256": "0" * 64}
    assert Index.model_validate(index | {"artifacts": [whole]}).artifacts[0].dynamic
    assert set(entry) == set(Entry.model_fields)


def test_the_call_is_that_of_the_page(tmp_path: Path) -> None:
    from cdfi_bench.latency.request import LatencyRequest

    request = LatencyRequest(tmp_path, None, runs=30, warm_up=3, threads=None)
    sent = set(_extras(request, 448, 256)) | {"run", "artifact"}
    (call,) = re.findall(r"^    am start -W -n (?:.|\\\n)*?--es run.*?\n\n", PAGE, re.DOTALL | re.M)
    shown = call[call.rindex("am start") :]
    assert set(re.findall(r"--e[siz] (\w+)", shown)) == sent
    assert f"-n {app_job.ACTIVITY}" in shown
    assert f"/sdcard/Android/data/{app_job.PACKAGE}/files/NAME" in PAGE
    (phases,) = re.findall(r"^    (load\|[\w|]+) END DURATION$", PAGE, re.M)
    assert set(phases.split("|")) == set(get_args(Phase)) - {"reference"}
