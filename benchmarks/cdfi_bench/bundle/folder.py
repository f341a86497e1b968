"""A bundle on disk: what lies in it, and how a device starts its runner."""

from __future__ import annotations

import shlex
import shutil
import tempfile
from pathlib import Path, PurePosixPath
from typing import Literal, Self

from cdfi_runtime.errors import ArtifactError, InputError, OutputError
from cdfi_runtime.files import ensure_folder, sha256_file, write_text
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

FILE = "bundle.json"
RUNNER = "cdfi_runner"
RUNTIME = "libonnxruntime.so"
OPERATORS = "libcdfi_native.so"
Libc = Literal["glibc", "bionic"]


class BundleFile(BaseModel):
    """One file of a bundle."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    bytes: int = Field(gt=0)
    executable: bool


class Bundle(BaseModel):
    """A folder with the runner and all that it loads, for one kind of device.

    Attributes:
        abi: Android's name of the processor.
        libc: ``glibc`` brings its own loader and libraries; ``bionic`` uses Android's.
        loader: The loader's file name; ``None`` for ``bionic``.
        runtime: The runtime's name in this project.
        version: The runtime's version, as its library has it.
        unverified: Why nobody should rely on it yet; ``None`` if it is tested.
        files: All files but ``bundle.json``, by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    abi: str
    libc: Libc
    loader: str | None
    runtime: Literal["onnxruntime"] = "onnxruntime"
    version: str
    unverified: str | None = None
    files: dict[str, BundleFile]
    _folder: Path | None = PrivateAttr(default=None)

    @field_validator("files")
    @classmethod
    def _plain_names(cls, files: dict[str, BundleFile]) -> dict[str, BundleFile]:
        odd = [name for name in files if PurePosixPath(name).name != name]
        if odd or not {RUNNER, RUNTIME, OPERATORS} <= files.keys():
            raise ValueError(f"expected {RUNNER}, {RUNTIME}, {OPERATORS} and plain file names")
        return files

    @model_validator(mode="after")
    def _own_loader(self) -> Self:
        if (self.loader is None) != (self.libc == "bionic"):
            raise ValueError("glibc needs a loader of its own, bionic has none")
        if self.loader is not None and self.loader not in self.files:
            raise ValueError(f"the loader {self.loader} is none of the files")
        return self

    @property
    def folder(self) -> Path:
        """Where it lies on this machine."""
        assert self._folder is not None, "only an opened bundle has a folder"
        return self._folder

    @property
    def bytes(self) -> int:
        """Bytes of all files together."""
        return sum(file.bytes for file in self.files.values())

    def command(self) -> str:
        """How a shell on the device starts the runner, from within the pushed folder.

        The runner's options follow it; ``--library`` is ``./libonnxruntime.so``.
        """
        if self.loader is None:
            return f"LD_LIBRARY_PATH=. ./{RUNNER}"
        return f"./{shlex.quote(self.loader)} --library-path . ./{RUNNER}"


def describe_folder(
    folder: Path, *, abi: str, libc: Libc, loader: str | None, version: str, unverified: str | None
) -> Bundle:
    """Write ``bundle.json`` for the files that lie in ``folder``."""
    files = {
        path.name: BundleFile(
            sha256=sha256_file(path),
            bytes=path.stat().st_size,
            executable=path.name in (RUNNER, loader),
        )
        for path in sorted(folder.iterdir())
        if path.name != FILE
    }
    bundle = Bundle(
        abi=abi, libc=libc, loader=loader, version=version, unverified=unverified, files=files
    )
    write_text(folder / FILE, bundle.model_dump_json(indent=2) + "\n")
    bundle._folder = folder
    return bundle


def open_bundle(folder: Path) -> Bundle:
    """The bundle in ``folder``, each file compared with its hash.

    Raises:
        InputError: there is no such folder.
        ArtifactError: no bundle, or one whose files are missing, changed or more than it says.
    """
    if not folder.is_dir():
        raise InputError("the bundle's folder not found", got=str(folder))
    try:
        bundle = Bundle.model_validate_json((folder / FILE).read_bytes())
    except (OSError, ValidationError) as error:
        raise ArtifactError(
            f"{folder} is no bundle of this version",
            expected=f"a {FILE} as `cdfi-bench runner` writes it",
            got=str(error).splitlines()[0],
            fix="build it again with cdfi-bench runner",
        ) from error
    found = {path.name for path in folder.iterdir()} - {FILE}
    wrong = sorted(found ^ bundle.files.keys())
    wrong += [
        name for name in sorted(found & bundle.files.keys()) if not _same(folder, name, bundle)
    ]
    if wrong:
        raise ArtifactError(
            f"the bundle in {folder} was changed since it was built",
            expected=f"just the files of its {FILE}, with their hashes",
            got=f"missing, changed or more: {', '.join(wrong)}",
            fix="build it again with cdfi-bench runner",
        )
    bundle._folder = folder
    return bundle


def copy_bundle(bundle: Bundle, target: Path) -> Bundle:
    """A copy of an opened bundle as the folder ``target``, whole or not at all.

    Raises:
        OutputError: ``target`` exists already or cannot be written to.
    """
    ensure_folder(target.absolute().parent)
    if target.exists():
        raise OutputError(
            "the folder for the bundle exists already",
            expected="a name that is free",
            got=str(target),
            fix="remove it or choose another --out",
        )
    try:
        with tempfile.TemporaryDirectory(prefix=".bundle-", dir=target.absolute().parent) as place:
            copied = Path(shutil.copytree(bundle.folder, Path(place, "bundle")))
            copied.rename(target)
    except OSError as error:
        raise OutputError("the bundle cannot be copied", got=str(error)) from error
    return open_bundle(target)


def _same(folder: Path, name: str, bundle: Bundle) -> bool:
    path, known = folder / name, bundle.files[name]
    if not path.is_file() or path.stat().st_size != known.bytes:
        return False
    executable = bool(path.stat().st_mode & 0o100)
    return sha256_file(path) == known.sha256 and (executable or not known.executable)
