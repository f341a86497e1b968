"""What a run of the app left on the phone, pulled and held against itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from cdfi_runtime.errors import ArtifactError
from cdfi_runtime.manifest import Manifest
from cdfi_runtime.metrics import to_8bit
from numpy.typing import NDArray

from cdfi_bench.adb.transfer import pull
from cdfi_bench.phone.app_job import AppRun
from cdfi_bench.phone.app_result import AppResult, read_app_result

_MOST_STEPS = 1  # the app's rounding and ours may differ where a value lies between two steps

Planes = NDArray[np.float32]


def fetch_result(run: AppRun, folder: Path, manifest: Manifest) -> AppResult:
    """The result, pulled to ``folder``.

    Raises:
        ArtifactError: it cannot be read, the run failed, or it was another artifact's.
        AdbError: the link.
    """
    local = folder / "result.json"
    pull(run.workspace.adb, run.result, local, return_limit=run.return_limit)
    result = read_app_result(local)
    if result.stopped == "error":
        failure = result.app.error
        if failure is None:
            raise ArtifactError("the app could not run it", got=result.error or "no reason")
        raise ArtifactError(
            f"the app could not run it: {failure.message}",
            expected=failure.expected,
            got=failure.got,
            fix=failure.fix,
        )
    if not result.complete:
        return result
    if result.app.artifact_sha256 != manifest.artifact.sha256:
        raise ArtifactError(
            "the app ran another artifact",
            expected=f"sha256 {manifest.artifact.sha256}",
            got=f"sha256 {result.app.artifact_sha256} out of its {result.app.source}",
            fix="install the version of the app that goes with this release",
        )
    return result


def fetch_output(run: AppRun, folder: Path, manifest: Manifest, result: AppResult) -> Planes | None:
    """``(1, 3, H, W)``, once the app's picture has been held against it.

    Raises:
        ArtifactError: its values are not as many as it says, or the picture is another one.
        AdbError: the link.
    """
    if result.output_shape is None or not result.complete:
        return None
    raw, rgb = folder / "output.raw", folder / "picture.rgb"
    pull(run.workspace.adb, run.output, raw, return_limit=run.return_limit)
    pull(run.workspace.adb, run.picture, rgb, return_limit=run.return_limit)
    values = np.fromfile(raw, "<f4")
    shape = result.output_shape
    if values.size != int(np.prod(shape)) or len(shape) != 4:
        raise ArtifactError(
            "the app handed back another output than it says",
            expected=f"{shape}",
            got=f"{values.size} values",
        )
    planes = values.reshape(shape)
    if manifest.outputs[0].layout == "NHWC":
        planes = np.ascontiguousarray(planes.transpose(0, 3, 1, 2))
    size = result.app.width or 0, result.app.height or 0
    _check_picture(np.fromfile(rgb, np.uint8), planes, *size)
    return planes


def _check_picture(picture: NDArray[np.uint8], planes: Planes, width: int, height: int) -> None:
    expected = pixels(planes)[:height, :width]
    if picture.size != expected.size:
        raise ArtifactError(
            "the app handed back a picture of another size",
            expected=f"{width}x{height}, {expected.size} bytes",
            got=f"{picture.size} bytes",
        )
    steps = np.abs(picture.reshape(expected.shape).astype(int) - expected)
    if steps.max() > _MOST_STEPS:
        raise ArtifactError(
            "the app's picture is not what its network put out",
            expected=f"the same within {_MOST_STEPS} of 255",
            got=f"{int((steps > _MOST_STEPS).sum())} of {steps.size} values differ, "
            f"by up to {steps.max()}",
        )


def pixels(planes: Planes) -> NDArray[np.uint8]:
    """``(1, 3, H, W)`` as an 8-bit picture ``(H, W, 3)``."""
    return np.ascontiguousarray(to_8bit(planes[0].transpose(1, 2, 0)))
