"""The workflow files: their commands exist, their actions are pinned, nothing is interpolated."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cdfi_bench.cli
import cdfi_export.cli
import cdfi_model.cli
import cdfi_runtime.cli
import pytest
import typer
import yaml
from cdfi_bench.compare.thresholds import read_thresholds
from cdfi_bench.compare.view import MARKER

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
APPS = {
    "cdfi-bench": cdfi_bench.cli.app,
    "cdfi-export": cdfi_export.cli.app,
    "cdfi-model": cdfi_model.cli.app,
    "cdfi-run": cdfi_runtime.cli.app,
}
STOPS = {"||", "&&", "|", ";", ">", ">>"}


def load(path: Path) -> dict[Any, Any]:
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in load(path)["jobs"].values() for step in job["steps"]]


def command_lines(script: str) -> Iterator[tuple[str, list[str]]]:
    """Each ``cdfi-*`` command of a shell script with its arguments."""
    for line in script.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        for index, word in enumerate(words):
            if (name := Path(word).name) in APPS:
                rest = words[index + 1 :]
                end = next((i for i, each in enumerate(rest) if each in STOPS), len(rest))
                yield name, rest[:end]


def parse(name: str, arguments: list[str]) -> None:
    """As the command itself would, without running it."""
    command: Any = typer.main.get_command(APPS[name])
    if hasattr(command, "resolve_command"):
        context = command.make_context(name, list(arguments))
        _, sub, rest = command.resolve_command(context, arguments)
        sub.make_context(sub.name, rest, parent=context)
    else:
        command.make_context(name, list(arguments))


def test_there_are_workflows_and_each_is_found() -> None:
    assert [path.name for path in WORKFLOWS] == ["artifacts.yml", "artifacts_comment.yml"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_and_scripts_interpolate_nothing(path: Path) -> None:
    uses = [step["uses"] for step in steps(path) if "uses" in step]
    assert uses
    for each in uses:
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", each)
    for script in (step["run"] for step in steps(path) if "run" in step):
        assert "${{" not in script  # a branch name would be run as shell


def test_every_command_exists_with_its_options() -> None:
    found = [
        each
        for path in WORKFLOWS
        for step in steps(path)
        if "run" in step
        for each in command_lines(step["run"])
    ]
    names = [(name, arguments[0]) for name, arguments in found]
    assert {("cdfi-bench", verb) for verb in ("parity", "latency", "compare")} <= set(names)
    assert "cdfi-export" in dict(names)
    for name, arguments in found:
        parse(name, arguments)
    with pytest.raises(Exception, match="No such option"):
        parse("cdfi-bench", ["compare", "a", "b", "--no-such-option"])


def test_the_change_has_no_rights_and_the_comment_no_code_of_it() -> None:
    measuring, commenting = (load(path) for path in WORKFLOWS)
    triggers = measuring[True]  # YAML 1.1 reads `on` as a truth value
    assert "pull_request_target" not in triggers
    assert measuring["permissions"] == {"contents": "read"}
    assert commenting["permissions"] == {}
    rights = commenting["jobs"]["comment"]["permissions"]
    assert rights == {"actions": "read", "pull-requests": "write"}
    assert commenting[True]["workflow_run"]["workflows"] == [measuring["name"]]
    assert not any("checkout" in step.get("uses", "") for step in steps(WORKFLOWS[1]))


def test_files_and_marker_that_the_workflows_name_are_ours() -> None:
    text = WORKFLOWS[0].read_text()
    for named in re.findall(r"change/(benchmarks/\S+|constraints\.txt|pyproject\.toml)", text):
        assert (ROOT / named).is_file()
    read_thresholds(ROOT / "benchmarks/thresholds.toml")
    assert MARKER in WORKFLOWS[1].read_text()
