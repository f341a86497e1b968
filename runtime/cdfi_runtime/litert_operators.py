"""The native operators in LiteRT: which graphs need them, and the delegate that takes just them.

The delegate works by C structs that LiteRT calls experimental and that carry no version. So it is
given to versions that it was tested in; another one is tried on a small file first, in a process of
its own, where a crash does no harm.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from cdfi_runtime import native
from cdfi_runtime.native import NativeError

WARP, HEADS_WARP = "cdfi.AdaCoFWarp", "cdfi.AdaCoFHeadsWarp"
OPERATORS = frozenset({WARP, HEADS_WARP})
# tests/runtime/test_native_litert_op.py passes in these.
VERIFIED = frozenset(
    ("ai_edge_litert", number)
    for number in ("1.2.0", "1.4.0", "2.0.2", "2.1.0", "2.1.6", "2.2.0", "2.3.0")
)
PROBE_SECONDS = 60


def has_native_operators(operators: Collection[str]) -> bool:
    """Whether a graph of these operator types needs the native library."""
    return not OPERATORS.isdisjoint(operators)


def native_delegate(interpreter_module: Any) -> Any:
    """The delegate, for the ``experimental_delegates`` of an interpreter.

    Args:
        interpreter_module: ``ai_edge_litert.interpreter`` or ``tflite_runtime.interpreter``.

    Raises:
        NativeError: there is no native library, LiteRT cannot load it, or this version of LiteRT
            was not tested and fails the probe.
    """
    if not native.exports("tflite_plugin_create_delegate"):
        raise NativeError(
            "the native library has no entry for LiteRT", fix="build it again: make native"
        )
    package = interpreter_module.__name__.partition(".")[0]
    if (package, _version(package)) not in VERIFIED:
        _probe(interpreter_module.__name__, str(native.library_path()))
    return load_delegate(interpreter_module)


def load_delegate(interpreter_module: Any) -> Any:
    """The delegate, whatever the version of LiteRT is.

    Raises:
        NativeError: LiteRT cannot load the native library.
    """
    try:
        return interpreter_module.load_delegate(str(native.library_path()))
    except (OSError, ValueError, RuntimeError) as error:
        raise NativeError(
            "LiteRT cannot load the native library as a delegate",
            got=str(error),
            fix="build it again: make native",
        ) from error


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


@cache
def _probe(module: str, library: str) -> None:
    """Raise unless the operators work in ``module``; see :mod:`cdfi_runtime.litert_probe`."""
    command = [sys.executable, "-m", "cdfi_runtime.litert_probe", module, library]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PROBE_SECONDS
        )
        lines = done.stderr.strip().splitlines() or ["nothing"]
        found = None if done.returncode == 0 else f"exit code {done.returncode}: {lines[-1]}"
    except (OSError, subprocess.TimeoutExpired) as error:
        found = str(error)
    if found is None:
        return
    package = module.partition(".")[0]
    raise NativeError(
        f"the native operators do not work in this version of {package}, {_version(package)}",
        expected=", ".join(sorted(f"{name} {number}" for name, number in VERIFIED)),
        got=found,
        fix="install one of these versions, or take an artifact without the native warp",
    )
