"""Functions in processes of their own: results, errors, crashes and interruptions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from cdfi_runtime.apart import DefectError, ProcessDiedError, run_apart
from cdfi_runtime.errors import InputError, MissingDependencyError, UnknownNameError


def _doubled(send: Any, number: int) -> int:
    send("half way")
    print("printed where nobody looks")
    return 2 * number


def _refuses(_send: Any, kind: str) -> None:
    if kind == "input":
        raise InputError("too small", expected="2", got="1", fix="take 2")
    if kind == "package":
        raise MissingDependencyError("torch", extra="model", needed_for="this")
    raise UnknownNameError("network", "x", ("a", "b"))


def _breaks(_send: Any) -> None:
    raise ZeroDivisionError("by nothing")


def _dies(_send: Any, number: int) -> None:
    print("last words", flush=True)
    os.kill(os.getpid(), number)


def _sleeps(send: Any) -> None:
    send(os.getpid())
    time.sleep(600)


def test_results_and_messages_come_back(capfd: pytest.CaptureFixture[str]) -> None:
    messages: list[str] = []
    assert run_apart(_doubled, 21, on_message=messages.append) == 42
    assert messages == ["half way"]
    assert "printed" not in capfd.readouterr().out


def _nested(_send: Any, number: int) -> int:
    return run_apart(_doubled, number)


def test_one_process_may_start_another() -> None:
    assert run_apart(_nested, 3) == 6


@pytest.mark.parametrize(
    ("kind", "error", "field"),
    [
        ("input", InputError, ("fix", "take 2")),
        ("package", MissingDependencyError, ("package", "torch")),
        ("name", UnknownNameError, ("known", ("a", "b"))),
    ],
)
def test_errors_keep_their_kind_text_and_fields(kind: str, error: Any, field: Any) -> None:
    with pytest.raises(error) as caught:
        run_apart(_refuses, kind)
    with pytest.raises(error) as original:
        _refuses(None, kind)
    assert str(caught.value) == str(original.value)
    assert getattr(caught.value, field[0]) == field[1]


def test_other_exceptions_bring_their_traceback() -> None:
    with pytest.raises(DefectError, match=r"_breaks(.|\n)*ZeroDivisionError: by nothing"):
        run_apart(_breaks)


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGKILL"])
def test_a_death_is_an_error_with_its_signal_and_last_words(name: str) -> None:
    with pytest.raises(ProcessDiedError) as caught:
        run_apart(_dies, int(getattr(signal, name)))
    assert name in str(caught.value) and "last words" in str(caught.value)


def _gone(process: int) -> bool:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":  # dead, and nobody asked how
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize("name", ["SIGINT", "SIGKILL"])
def test_the_process_ends_with_its_parent(name: str, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_apart import _sleeps\n"
        "from cdfi_runtime.apart import run_apart\n"
        "if __name__ == '__main__':\n"
        "    run_apart(_sleeps, on_message=lambda number: print(number, flush=True))\n"
    )
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.send_signal(getattr(signal, name))
    assert parent.wait(timeout=30) != 0
    assert _gone(child)
