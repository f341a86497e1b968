"""The native operators in ONNX Runtime: which graphs need them, and how a session gets them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from cdfi_runtime import native
from cdfi_runtime.errors import first_line
from cdfi_runtime.native import NativeError

OPERATORS = frozenset({"AdaCoFWarp", "AdaCoFHeadsWarp"})


def has_native_operators(operators: Collection[str]) -> bool:
    """Whether a graph of these operator types needs the native library."""
    return not OPERATORS.isdisjoint(operators)


def register_operators(options: Any) -> None:
    """Make the native operators known to sessions with these ``SessionOptions``.

    Raises:
        NativeError: there is no native library, or ONNX Runtime cannot load it.
    """
    native.dispatch()  # the library exists and is of this version
    try:
        options.register_custom_ops_library(str(native.library_path()))
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        raise NativeError(
            "ONNX Runtime cannot load the native library",
            got=first_line(error),
            fix="install onnxruntime 1.17 or newer",
        ) from error
