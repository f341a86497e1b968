"""Where built bundles and downloaded wheels are kept."""

from __future__ import annotations

import os
import sys
from pathlib import Path

VARIABLE = "CDFI_CACHE"


def cache_folder() -> Path:
    """``$CDFI_CACHE``, or this project's folder in the user's cache. It need not exist."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).absolute()
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "cdfi-mobile"
