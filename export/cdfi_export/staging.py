"""A hidden folder to write into, and the move of what lies in it to where users look.

However an export ends, the results folder holds whole artifacts with their manifests, or nothing
of them. What a killed one leaves is hidden, and the next one into the same folder removes it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cdfi_runtime.errors import OutputError
from cdfi_runtime.manifest import MANIFEST_SUFFIX, manifest_path

try:
    import fcntl
except ImportError:  # Windows: exports into one folder must not overlap there
    fcntl = None  # type: ignore[assignment]

# Ends the name of an artifact that missed a gate: nobody shall take it by accident.
FAILED_SUFFIX = ".failed"
_PREFIX = ".export-"


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """A folder inside ``folder``, so that moving a result out is one rename; removed at the end.

    It stays locked for as long as this process lives: that tells it from a dead one's.

    Raises:
        OutputError: something in the block could not be written.
    """
    try:
        with contextlib.ExitStack() as stack:
            with _locked(folder):
                _remove_abandoned(folder)
                staged = Path(
                    stack.enter_context(tempfile.TemporaryDirectory(prefix=_PREFIX, dir=folder))
                )
                stack.enter_context(_locked(staged))
            yield staged
    except OSError as error:
        raise OutputError(
            "the artifact cannot be written",
            expected="a writable folder with free space",
            got=f"{folder}: {error.strerror or error}",
            fix="free some space or choose another --out folder",
        ) from error


def publish(staged: Path, target: Path) -> None:
    """Move an artifact and its manifest to ``target``.

    The former artifact leaves first, the new manifest comes before its artifact: at no moment does
    an artifact lie beside another one's manifest. If a move fails, the former pair comes back.
    """
    pairs = [(manifest_path(staged), manifest_path(target)), (staged, target)]
    former = [(new, new.with_name("former-" + new.name)) for new, _ in pairs]
    with _locked(target.parent):
        try:
            for (_, place), (_, aside) in zip(reversed(pairs), reversed(former), strict=True):
                if place.exists():
                    place.replace(aside)
            for new, place in pairs:
                new.replace(place)
        except BaseException:
            if staged.exists():  # not yet complete: put the former pair back
                for (new, place), (_, aside) in zip(pairs, former, strict=True):
                    if aside.exists():
                        with contextlib.suppress(OSError):
                            _discard(place)
                            aside.replace(place)
                    elif not new.exists():
                        _discard(place)
            raise


def remove(artifact: Path) -> None:
    """Remove an artifact, file or folder, and its manifest, if they are there."""
    _discard(artifact)
    _discard(manifest_path(artifact))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold ``folder`` against other exports; waits for theirs. No file is left behind.

    Where a file system or platform has no locks, nothing is held.
    """
    with _locked(folder):
        yield


def remove_abandoned(folder: Path) -> None:
    """Remove what killed exports left in ``folder``; those that still run keep theirs."""
    with _locked(folder):
        _remove_abandoned(folder)


def _remove_abandoned(folder: Path) -> None:
    for path in folder.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), _locked(path, wait=False):
            shutil.rmtree(path, ignore_errors=True)
            # It may have died between its two moves, of which the manifest's is the first.
            for manifest in folder.glob(f"*{MANIFEST_SUFFIX}"):
                if not manifest.with_name(manifest.name.removesuffix(MANIFEST_SUFFIX)).exists():
                    manifest.unlink(missing_ok=True)


@contextmanager
def _locked(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Raises BlockingIOError if another process holds it and ``wait`` is off."""
    if fcntl is None:
        if not wait:
            raise BlockingIOError("no locks here: better keep it")
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise
        except OSError:  # some network file systems have no locks
            if not wait:
                raise
        yield
    finally:
        os.close(handle)


def _discard(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
