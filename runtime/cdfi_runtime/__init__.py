"""Run a frame-interpolation artifact: ``Interpolator.load().interpolate(frame0, frame2)``.

Importing this package loads no heavy library; names are resolved on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cdfi_runtime.errors import CdfiError as CdfiError
    from cdfi_runtime.interpolator import Interpolator as Interpolator
    from cdfi_runtime.manifest import Manifest as Manifest

_HOMES = {
    "CdfiError": "cdfi_runtime.errors",
    "Interpolator": "cdfi_runtime.interpolator",
    "Manifest": "cdfi_runtime.manifest",
}
__all__ = ["CdfiError", "Interpolator", "Manifest"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'cdfi_runtime' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)
