"""What the runner on a device hands back; it comes from outside, so every field is checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, TypeVar, get_args

from cdfi_runtime.errors import ArtifactError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cdfi_bench.latency.collector import Phase

NANO = 1e-9
MOST_BYTES = 64 * 2**20


class RunnerResult(BaseModel):
    """The runner's JSON file; see ``runtime/runner/README.md``. Times in nanoseconds."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    runner: Literal[1]
    complete: bool
    stopped: Literal["abandoned", "terminated", "error"] | None
    error: str | None
    version: str | None
    provider_requested: str
    providers_available: tuple[str, ...]
    provider_nodes: dict[str, int] | None
    provider_nodes_reason: str | None = None
    affinity: tuple[int, ...] | None
    emulated: str | None
    load_ns: int | None = Field(ge=0)
    first_run_ns: int | None = Field(ge=0)
    vm_hwm_before_load_bytes: int | None
    vm_hwm_bytes: int | None
    frequency: tuple[tuple[int, dict[str, float]], ...] | None
    thermal: tuple[tuple[int, dict[str, float]], ...] | None
    output_shape: tuple[int, ...] | None


Result = TypeVar("Result", bound=RunnerResult)


def read_runner_result(path: Path) -> RunnerResult:
    """The file as it came from a device.

    Raises:
        ArtifactError: it is no result of a runner of this version.
    """
    return read_result(path, RunnerResult, "a runner", "build the bundle again: cdfi-bench runner")


def read_result(path: Path, model: type[Result], writer: str, fix: str) -> Result:
    """The file of ``writer`` as it came from a device, with all that ``model`` asks of it.

    Raises:
        ArtifactError: it does not fit; ``fix`` says what to do.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"{path.stat().st_size} bytes")
        return model.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:  # pydantic's is a ValueError
        got = str(error)
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            got = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise ArtifactError(
            "the device handed back no result that can be read",
            expected=f"the JSON of {writer} of this version",
            got=got,
            fix=fix,
        ) from error


def samples_in(lines: Iterable[str]) -> Iterator[tuple[Phase, float]]:
    """Phase and seconds of each run in the runner's file of samples; other lines are left out."""
    for line in lines:
        words = line.split()
        if len(words) == 3 and words[0] in get_args(Phase) and words[2].isdigit():
            phase: Phase = words[0]  # type: ignore[assignment]
            yield phase, int(words[2]) * NANO
