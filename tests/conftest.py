"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NoReturn

import pytest
from cdfi_runtime import native


@pytest.fixture(scope="session")
def lacking() -> Callable[[str], NoReturn]:
    """Ends a test that this machine lacks something for: ``lacking("no compiler 'g++'")``.

    It skips with the reason. In CI, which installs all there is (``CDFI_CI``), it fails.
    """

    def end(reason: str) -> NoReturn:
        if os.environ.get("CDFI_CI"):
            pytest.fail(f"nothing may be missing in CI (.ci/run installs it): {reason}")
        pytest.skip(reason)

    return end


@pytest.fixture(scope="session")
def native_built(lacking: Callable[[str], NoReturn]) -> None:
    """The native library that ``cdfi_runtime.native`` finds, by itself, is there."""
    if not native.available():
        lacking("the native library is not built: make native")
