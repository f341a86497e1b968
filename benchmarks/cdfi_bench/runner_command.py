"""The command ``cdfi-bench runner``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class _Libc(StrEnum):
    GLIBC = "glibc"
    BIONIC = "bionic"


def runner(
    abi: Annotated[str, typer.Option(help="The device's processor: arm64-v8a or x86_64.")],
    libc: Annotated[
        _Libc,
        typer.Option(help="glibc: every Linux and Android, CPU only. bionic: Android's own."),
    ] = _Libc.GLIBC,
    onnxruntime: Annotated[
        str | None,
        typer.Option(metavar="VERSION", help="Of PyPI's wheel; the installed one's if left out."),
    ] = None,
    ndk: Annotated[Path | None, typer.Option(help="Folder of the NDK, for bionic.")] = None,
    aar: Annotated[Path | None, typer.Option(help="ONNX Runtime's AAR, for bionic.")] = None,
    sources: Annotated[
        Path | None, typer.Option(help="A checkout of this project, if this is a wheel.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Copy the folder there; it must not exist yet.")
    ] = None,
) -> None:
    """Build the folder that runs and times artifacts on a device.

    It is kept in the cache, so that the next call and `cdfi-bench latency --device` find it.
    """
    from rich.console import Console

    from cdfi_bench.bundle.build import BundleRequest, build_bundle
    from cdfi_bench.bundle.folder import copy_bundle
    from cdfi_bench.console import report_console

    request = BundleRequest(abi, libc.value, onnxruntime, ndk, aar, sources)
    with Console(stderr=True).status("looking at what is there") as status:
        bundle = build_bundle(request, tell=status.update)
        if out is not None:
            status.update("copying")
            bundle = copy_bundle(bundle, out)
    console = report_console()
    console.print(
        f"{bundle.abi} {bundle.libc}: onnxruntime {bundle.version}, {len(bundle.files)} files, "
        f"{bundle.bytes / 1e6:.1f} MB",
        highlight=False,
    )
    console.print(str(bundle.folder), highlight=False, markup=False, soft_wrap=True)
    console.print(f"on the device, in that folder: {bundle.command()}", highlight=False)
    if bundle.unverified is not None:
        console.print(f"UNVERIFIED: {bundle.unverified}", style="yellow", highlight=False)
