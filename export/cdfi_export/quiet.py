"""Keep a converter's remarks on its own internals off the user's terminal."""

from __future__ import annotations

import io
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path

_STDERR = 2  # file descriptor: what native code writes to, whatever sys.stderr is


@contextmanager
def quiet() -> Iterator[None]:
    """Hide warnings, log records and all that is written to stderr; exceptions still come."""
    level = logging.root.manager.disable
    with warnings.catch_warnings(), redirect_stderr(io.StringIO()), _without_native_stderr():
        warnings.simplefilter("ignore")
        logging.disable(logging.ERROR)
        try:
            yield
        finally:
            logging.disable(level)


@contextmanager
def _without_native_stderr() -> Iterator[None]:
    try:
        kept = os.dup(_STDERR)
    except OSError:  # closed: nothing to hide
        yield
        return
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), _STDERR)
        yield
    finally:
        os.dup2(kept, _STDERR)
        os.close(kept)
