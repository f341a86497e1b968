"""Runtimes: the libraries that execute artifacts, found through one registry.

A runtime is one module in :mod:`cdfi_runtime.backends`, or a module that another package names in
the entry point group ``cdfi_mobile.runtimes``, which registers a :class:`RuntimeSpec`. It must
import its library only when an artifact is opened.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cdfi_runtime.errors import ArtifactError, InputError, MissingDependencyError
from cdfi_runtime.files import require_file
from cdfi_runtime.manifest import Manifest, manifest_path, read_manifest
from cdfi_runtime.registry import Registry

AUTO = "auto"


class Session(Protocol):
    """An opened artifact, ready to run."""

    @property
    def manifest(self) -> Manifest:
        """What is being run."""
        ...

    @property
    def runtime(self) -> str:
        """Registered name of the runtime."""
        ...

    @property
    def version(self) -> str:
        """Version of the library that executes the artifact."""
        ...

    @property
    def accelerator(self) -> str:
        """What the artifact really runs on, e.g. ``"cpu"``."""
        ...

    @property
    def fallback(self) -> str | None:
        """Why that is not, or may not be, all that was asked for; ``None`` if it is."""
        ...

    def run(self, frame0: NDArray[np.float32], frame2: NDArray[np.float32]) -> NDArray[np.float32]:
        """The raw middle frame, neither clipped nor rounded.

        Args:
            frame0: ``(1, 3, H, W)`` float32 RGB in [0, 1], contiguous, already padded.
            frame2: The same shape.

        Returns:
            ``(1, 3, H, W)`` float32.
        """
        ...


@dataclass(frozen=True)
class RuntimeSpec:
    """One runtime.

    Attributes:
        name: Registered name, as given to ``--runtime``.
        formats: Artifact formats it opens, as manifests name them.
        package: Import name of the library it needs.
        extra: Extra of ``cdfi-mobile`` that installs the library; ``None`` for the base.
        open: Opens an artifact with a number of threads (``None``: the library's own choice) and
            on an accelerator (``"auto"``: the library's own choice). One that it does not have is
            no error: the session says so as its ``fallback``.
        alternatives: Import names of libraries that serve as well as ``package``.
        platforms: Values of ``sys.platform`` on which the library can run artifacts; empty for all.
        emulated: Whether it only computes what the real runtime would: its speed says nothing.
        verified_on: Accelerators on each of which a new artifact is to be verified.
    """

    name: str
    formats: tuple[str, ...]
    package: str
    extra: str | None
    open: Callable[[Path, int | None, str], Session]
    alternatives: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    emulated: bool = False
    verified_on: tuple[str, ...] = (AUTO,)

    @property
    def installed(self) -> bool:
        """Whether the library can be found and runs here; it is not imported."""
        if self.platforms and sys.platform not in self.platforms:
            return False
        return any(_found(name) for name in (self.package, *self.alternatives))

    @property
    def absence(self) -> str:
        """Why it is not :attr:`installed`, with the command that helps, if one does."""
        if self.platforms and sys.platform not in self.platforms:
            return f"runs on {' and '.join(self.platforms)} only"
        return f"is not installed ({self.missing().fix})"

    def missing(self) -> MissingDependencyError:
        """The error to raise when the library is not installed."""
        return MissingDependencyError(
            self.package, extra=self.extra, needed_for=f"the runtime '{self.name}'"
        )


def _found(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


RUNTIMES: Registry[RuntimeSpec] = Registry(
    "runtime", "cdfi_runtime.backends", entry_point_group="cdfi_mobile.runtimes"
)


def artifact_format(path: Path) -> str:
    """The format of an artifact: as its manifest says, else its suffix without the dot.

    Raises:
        InputError: the artifact does not exist or is empty.
        ArtifactError: the manifest beside it is broken.
    """
    if not path.is_dir():
        require_file(path, "the artifact")
    if manifest_path(path).is_file():
        return read_manifest(path).artifact.format
    return path.suffix.removeprefix(".").lower()


@dataclass(frozen=True)
class RuntimeChoice:
    """A runtime for an artifact and, in words, why it was chosen."""

    spec: RuntimeSpec
    reason: str


def choose_runtime(path: Path, runtime: str = AUTO) -> RuntimeChoice:
    """The runtime for an artifact.

    Args:
        path: The artifact.
        runtime: A registered name, or ``"auto"``: the first installed runtime, by name, that takes
            the artifact's format.

    Raises:
        UnknownNameError: no runtime has that name.
        InputError: the runtime does not take this format.
        MissingDependencyError: the library it needs is not installed.
        ArtifactError: no runtime takes this format, or the manifest is broken.
    """
    explicit = None if runtime == AUTO else RUNTIMES.get(runtime)
    file_format = artifact_format(path)
    takers = [spec for spec in RUNTIMES.all() if file_format in spec.formats]
    if explicit is not None:
        if explicit not in takers:
            names = " or ".join(f"--runtime {spec.name}" for spec in takers)
            raise InputError(
                f"the runtime '{explicit.name}' cannot open {path.name}",
                expected=f"an artifact of the format {' or '.join(explicit.formats)}",
                got=f"the format '{file_format}'",
                fix=f"use {names} for this file" if names else "export another format",
            )
        takers = [explicit]
    if not takers:
        formats = sorted({name for spec in RUNTIMES.all() for name in spec.formats})
        raise ArtifactError(
            f"no runtime can open {path.name}",
            expected=f"an artifact of the format {' or '.join(formats)}",
            got=f"the format '{file_format}'",
            fix="export one with cdfi-export",
        )
    passed: list[str] = []
    for spec in takers:
        if spec.installed:
            why = "as asked for" if explicit else f"takes the format '{file_format}', is installed"
            return RuntimeChoice(spec, "; ".join([why, *passed]))
        passed.append(f"'{spec.name}' {spec.absence}")
    raise takers[0].missing()


def open_artifact(
    path: Path,
    runtime: str = AUTO,
    threads: int | None = None,
    accelerator: str = AUTO,
    *,
    strict: bool = False,
) -> Session:
    """Open an artifact; see :func:`choose_runtime` for the choice and its errors.

    Args:
        path: The artifact.
        runtime: A registered name, or ``"auto"``.
        threads: CPU threads; ``None`` leaves the choice to the runtime.
        accelerator: What to run on, in the runtime's own words: a provider of ONNX Runtime
            (``"cuda"``), a delegate of LiteRT (``"xnnpack"``), compute units of Core ML
            (``"cpu_and_ne"``), a device of torch; ``"auto"`` leaves the choice to the runtime.
        strict: Refuse a session that does not run wholly on ``accelerator``.

    Raises:
        InputError: ``threads`` is not positive, or ``strict`` and the session falls back.
        ArtifactError: the file is corrupt, foreign, or not the one its manifest describes.
    """
    if threads is not None and threads < 1:
        raise InputError(
            "the number of threads must be positive", expected=">= 1", got=f"{threads}"
        )
    session = choose_runtime(path, runtime).spec.open(path, threads, accelerator)
    if strict and session.fallback is not None:
        raise InputError(
            f"{path.name} would not run on '{accelerator}' alone",
            expected=f"all of it on '{accelerator}'",
            got=f"{session.accelerator}: {session.fallback}",
            fix="ask for another accelerator, or do without strict to let it fall back",
        )
    return session
