"""The file that runs where the native library does not: beside each artifact that needs it."""

from __future__ import annotations

from pathlib import Path

from cdfi_runtime.manifest import Manifest
from cdfi_runtime.native import NativeError


def portable_file(path: Path, manifest: Manifest, missing: NativeError) -> Path:
    """The artifact to open in place of ``path``.

    Args:
        path: An artifact that needs the native library.
        manifest: Its manifest.
        missing: Why the library cannot be used.

    Raises:
        NativeError: there is no such file.
    """
    name = manifest.artifact.portable
    portable = path.with_name(name) if name else None
    if portable is not None and portable.is_file():
        return portable
    raise NativeError(
        f"{path.name} needs the native library: {missing.problem}",
        expected=f"the library, or {name or 'a portable file'} beside the artifact",
        got=missing.got,
        fix=f"{missing.fix}; or export with --warp auto",
    ) from missing


def in_its_place(portable: Path, missing: NativeError) -> str:
    """What a session says as its fallback when it opened ``portable``."""
    return f"{missing.problem}, so {portable.name} runs in its place ({missing.fix})"
