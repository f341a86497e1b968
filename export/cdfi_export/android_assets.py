"""The app's assets folder: its index, and a new set of artifacts in place of the former one.

The folder is replaced as a whole, by renaming, so the app's build never sees half a set. What
somebody else put there stays.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from cdfi_runtime.errors import ArtifactError, GateError, OutputError
from cdfi_runtime.files import ensure_folder
from cdfi_runtime.manifest import Manifest, load_manifest, manifest_path
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cdfi_export.staging import locked

INDEX = "index.json"
LIMIT_BYTES = 6_000_000


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Entry(_Strict):
    """One shipped artifact; ``width`` and ``height`` are ``None`` where the graph takes any."""

    file: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")
    network: str
    precision: str
    dynamic: bool
    width: int | None
    height: int | None
    bytes: int = Field(gt=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")

    @classmethod
    def of(cls, manifest: Manifest) -> Entry:
        """What a manifest says, in short."""
        return cls(
            file=manifest.artifact.file,
            network=manifest.network.name,
            precision=manifest.artifact.precision,
            dynamic=manifest.size.dynamic,
            width=manifest.size.width,
            height=manifest.size.height,
            bytes=manifest.artifact.bytes,
            sha256=manifest.artifact.sha256,
        )


class Index(_Strict):
    """``index.json``: what the app offers, its default first."""

    schema_version: Literal[1] = 1
    artifacts: tuple[Entry, ...]

    @property
    def files(self) -> set[str]:
        """Names of all files that an export wrote, the index included."""
        names = {entry.file for entry in self.artifacts}
        return {INDEX} | names | {manifest_path(Path(name)).name for name in names}

    @property
    def summary(self) -> str:
        """For people: how many, and their size in all."""
        total = sum(entry.bytes for entry in self.artifacts)
        return f"{len(self.artifacts)} artifacts, {total / 1e6:.2f} MB"


def ship(made: Path, files: Sequence[str], assets: Path) -> Index:
    """Put artifacts with their manifests and an index into ``assets``, in place of a former set.

    Args:
        made: Where they were made.
        files: Their names, the app's default first.
        assets: The app's folder of artifacts; made if needed.

    Raises:
        GateError: together they are larger than the app may grow.
        ArtifactError: one is not what its manifest says.
        OutputError: the folder cannot be written, or somebody else's file has a name of theirs.
    """
    index = Index(artifacts=tuple(Entry.of(load_manifest(made / name)) for name in files))
    text = index.model_dump_json(indent=2) + "\n"
    _check_total(made, index, len(text.encode()))
    assets = assets.resolve()  # a link to the folder stays one
    parent = ensure_folder(assets.parent)
    with locked(parent), _writing(assets):
        former = parent / f".{assets.name}.former"
        _recover(assets, former)
        ours = _former_files(assets)
        _check_foreign(assets, ours, index)
        with _beside(assets) as fresh:
            for path in sorted(assets.iterdir()) if assets.is_dir() else ():
                if path.name not in ours:
                    _copy(path, fresh / path.name)
            for name in sorted(index.files - {INDEX}):
                _copy(made / name, fresh / name)
            (fresh / INDEX).write_text(text, encoding="utf-8")
            _swap(fresh, assets, former)
    return index


def read_index(assets: Path) -> Index | None:
    """The index of an assets folder, or ``None`` if there is none.

    Raises:
        ArtifactError: it is not one that we wrote.
    """
    try:
        return Index.model_validate_json((assets / INDEX).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise ArtifactError(
            f"{assets / INDEX} is no index of shipped artifacts",
            expected="what cdfi-export --android wrote",
            got=str(error).splitlines()[0],
            fix="remove it if nobody needs it, and export again",
        ) from error


def _check_total(made: Path, index: Index, more: int) -> None:
    sizes = {name: (made / name).stat().st_size for name in index.files - {INDEX}}
    total = sum(sizes.values()) + more
    if total > LIMIT_BYTES:
        largest = max(sizes, key=lambda name: sizes[name])
        raise GateError(
            "the artifacts are too large for the app",
            expected=f"{LIMIT_BYTES / 1e6:.1f} MB in all",
            got=f"{total / 1e6:.1f} MB, of which {largest} has {sizes[largest] / 1e6:.1f}",
            fix="ship a smaller network; the app's assets are as they were",
        )


def _former_files(assets: Path) -> set[str]:
    index = read_index(assets)
    return set() if index is None else index.files


def _check_foreign(assets: Path, ours: Collection[str], index: Index) -> None:
    taken = sorted(name for name in index.files - set(ours) if (assets / name).exists())
    if taken:
        raise OutputError(
            "a file that no export wrote has the name of an artifact",
            expected="a name that is free, or listed in the index",
            got=str(assets / taken[0]),
            fix="move it away",
        )


@contextmanager
def _beside(assets: Path) -> Iterator[Path]:
    """A new folder beside ``assets``, hidden from the app's build; removed if it is still there."""
    fresh = Path(tempfile.mkdtemp(prefix=f".{assets.name}-", dir=assets.parent))
    try:
        fresh.chmod(0o755)
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy2(source, target, follow_symlinks=False)


def _swap(fresh: Path, assets: Path, former: Path) -> None:
    if not assets.exists():
        fresh.rename(assets)
        return
    assets.rename(former)
    try:
        fresh.rename(assets)
    except BaseException:
        former.rename(assets)
        raise
    shutil.rmtree(former, ignore_errors=True)


def _recover(assets: Path, former: Path) -> None:
    """Undo, or end, what an export that was killed between its two renames had begun."""
    if former.exists() and not assets.exists():
        former.rename(assets)
    # The new folder has all that was foreign in the former one.
    shutil.rmtree(former, ignore_errors=True)
    for abandoned in assets.parent.glob(f".{assets.name}-*"):
        with contextlib.suppress(OSError):
            shutil.rmtree(abandoned)


@contextmanager
def _writing(assets: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            "the app's assets cannot be written",
            expected="a writable folder with free space",
            got=f"{assets}: {error.strerror or error}",
            fix="free some space, or choose another --android-dir",
        ) from error
