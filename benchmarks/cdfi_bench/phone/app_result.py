"""What the app's benchmark hands back: the runner's result with a part of its own.

``android_demo/BENCHMARK.md`` has the contract.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from cdfi_bench.phone.runner_result import RunnerResult, read_result


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class AppFailure(_Part):
    """The app's own error, in the words of ours."""

    message: str
    expected: str | None = None
    got: str | None = None
    fix: str | None = None


class AppPart(_Part):
    """What only the app tells.

    Attributes:
        artifact_sha256: Of the file that was loaded.
        provider_actual: What the network ran on; ``None`` if it never came to a session.
        provider_fallback: Why that is not what was asked for.
        width: Of the frames and of the picture, pixels; ``None`` if it never came to frames.
        height: The same.
        thermal_status_after: Android's own, 0 to 6; ``None`` before Android 10.
        error: ``None`` if there was none.
    """

    version: str
    artifact_sha256: str | None
    provider_actual: str | None
    provider_fallback: str | None
    width: int | None = Field(ge=1)
    height: int | None = Field(ge=1)
    thermal_status_after: int | None
    source: Literal["files", "assets"] | None = None
    error: AppFailure | None


class AppResult(RunnerResult):
    """The app's JSON file. Times in nanoseconds."""

    app: AppPart


def read_app_result(path: Path) -> AppResult:
    """The file as it came from a device.

    Raises:
        ArtifactError: it is no result of an app of this version.
    """
    fix = "install the version of the app that goes with this release"
    return read_result(path, AppResult, "an app", fix)
