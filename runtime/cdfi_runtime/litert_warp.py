"""The native warp in LiteRT: a delegate that takes this one operator, and no other."""

from __future__ import annotations

from typing import Any

from cdfi_runtime import native
from cdfi_runtime.native import NativeError

OPERATOR = "cdfi.AdaCoFWarp"


def warp_delegate(interpreter_module: Any) -> Any:
    """The delegate, for the ``experimental_delegates`` of an interpreter.

    Args:
        interpreter_module: ``ai_edge_litert.interpreter`` or ``tflite_runtime.interpreter``.

    Raises:
        NativeError: there is no native library, or LiteRT cannot load it.
    """
    if not native.exports("tflite_plugin_create_delegate"):
        raise NativeError(
            "the native library has no entry for LiteRT", fix="build it again: make native"
        )
    try:
        return interpreter_module.load_delegate(str(native.library_path()))
    except (OSError, ValueError, RuntimeError) as error:
        raise NativeError(
            "LiteRT cannot load the native library as a delegate",
            got=str(error),
            fix="build it again: make native",
        ) from error
