"""What all tests share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from cdfi_bench.bundle.abi import ABIS, find_abi
from cdfi_bench.bundle.build import BundleRequest, build_bundle
from cdfi_bench.bundle.folder import Bundle
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


@pytest.fixture(scope="session")
def bundle_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where bundles are built, for all workers of a session; ``CDFI_CACHE`` if that is set."""
    if named := os.environ.get("CDFI_CACHE"):
        return Path(named)
    folder = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        folder = folder.parent  # that of all workers
    return folder / "bundle-cache"


@pytest.fixture(scope="session")
def build(bundle_cache: Path, lacking: Callable[[str], NoReturn]) -> Callable[[str], Bundle]:
    """Builds a glibc bundle for an ABI, or takes it from the cache: ``build("arm64-v8a")``."""

    def make(name: str) -> Bundle:
        abi = find_abi(name)
        for tool in ("cmake", "make", abi.compiler):
            if shutil.which(tool) is None:
                lacking(f"'{tool}' is not installed: the runner cannot be built for {name}")
        return build_bundle(BundleRequest(name), bundle_cache)

    return make


@pytest.fixture(scope="session")
def host_bundle(build: Callable[[str], Bundle], lacking: Callable[[str], NoReturn]) -> Bundle:
    """The bundle for this machine; its programs also run with this machine's own libraries."""
    own = [abi.name for abi in ABIS.values() if abi.is_host]
    if not own:
        lacking("no bundle can be built for this kind of machine")
    return build(own[0])
