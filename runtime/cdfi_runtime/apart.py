"""Run a function in a process of its own: whatever it does to memory, stdout or itself stays there.

Converters and runtimes are native code: they crash, print, keep memory, and do not survive an
interruption in the middle of a call. A process can always be ended.
"""

from __future__ import annotations

import contextlib
import faulthandler
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from cdfi_runtime.errors import CdfiError

Result = TypeVar("Result")
Send = Callable[[Any], None]

_TAIL_LINES = 3
_ENDING_S = 10.0


class ProcessDiedError(CdfiError):
    """A process of ours ended without a result: a crash in native code, or too little memory."""


class DefectError(Exception):
    """An exception that nobody meant to raise; the text is its traceback in the other process."""


def run_apart(
    function: Callable[..., Result], *args: object, on_message: Send | None = None
) -> Result:
    """Call ``function(send, *args)`` in a fresh process and wait for its result.

    The process ends with this call, however that ends: an interruption here kills it, and when
    this process dies, that one ends itself. What it prints is shown only if it crashes.

    Args:
        function: At the top level of a module. Its first argument takes an object and hands it to
            ``on_message`` here, for progress.
        args: Must survive pickling, and so must the result.
        on_message: Called in this process.

    Returns:
        What the function returned.

    Raises:
        CdfiError: raised by the function.
        ProcessDiedError: the process died.
        DefectError: the function raised anything else.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        # A daemon could not start processes itself; without, _end_with_parent ends it.
        process = context.Process(target=_work, args=(sender, log, function, args))
        try:
            with _interruptions_blocked():
                process.start()
            sender.close()  # the process holds the only other end: its death ends the waiting
            while True:
                try:
                    kind, content = receiver.recv()
                except EOFError:
                    process.join()
                    raise _died(process.exitcode, log) from None
                if kind == "message":
                    if on_message is not None:
                        on_message(content)
                    continue
                # Libraries tidy up when their process ends; should that hang or crash, so be it.
                process.join(_ENDING_S)
                if kind == "error":
                    raise content
                if kind == "defect":
                    raise DefectError(content)
                result: Result = content
                return result
        finally:
            if process.pid is not None:
                process.kill()
                process.join()
            receiver.close()


@contextlib.contextmanager
def _interruptions_blocked() -> Iterator[None]:
    """Ctrl-C reaches every process of a terminal; one that is started here never sees it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def _work(
    sender: Connection, log: Path, function: Callable[..., object], args: tuple[object, ...]
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with log.open("w") as file:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    faulthandler.enable()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        message = ("result", function(lambda item: sender.send(("message", item)), *args))
    except CdfiError as error:
        message = ("error", error)
    except BaseException:
        message = ("defect", traceback.format_exc())
    sender.send(message)
    sender.close()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _died(exitcode: int | None, log: Path) -> ProcessDiedError:
    how = f"exit code {exitcode}"
    with contextlib.suppress(ValueError):
        how += f", {signal.Signals(-(exitcode or 0)).name}"
    with contextlib.suppress(OSError):
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        how += "".join(f"\n    {line}" for line in lines[:_TAIL_LINES])
    return ProcessDiedError(
        "a process of ours died",
        expected="a result or an error message",
        got=how,
        fix="SIGKILL mostly means too little memory: try a smaller --size; anything else is a "
        "defect of a library: please report it",
    )
