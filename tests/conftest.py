"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NoReturn

import pytest


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
