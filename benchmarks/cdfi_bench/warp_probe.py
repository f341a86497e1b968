"""Times one network with one warp formulation; run as a process, so that its memory is its own.

``python -m cdfi_bench.warp_probe JSON`` prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from cdfi_runtime.frames import to_network
from cdfi_runtime.images import read_image
from cdfi_runtime.memory import peak_bytes
from cdfi_runtime.padding import pad
from cdfi_runtime.runtimes import open_artifact
from cdfi_runtime.samples import sample_triplet

if TYPE_CHECKING:
    import numpy as np
    from cdfi_runtime.runtimes import Session
    from numpy.typing import NDArray


@dataclass(frozen=True)
class ProbeRequest:
    """What to time.

    Attributes:
        file: An artifact for any runtime, or a weights file for torch.
        formulation: For torch, which chooses it at run time; artifacts have theirs inside.
        width: Frame size in pixels, as ``height``.
        runs: Timed runs. A first run that is not kept goes before, unless it took ``patience_s``:
            then it is the only one.
        threads: CPU threads.
        patience_s: See ``runs``.
    """

    file: str
    formulation: str
    width: int
    height: int
    runs: int
    threads: int
    patience_s: float


@dataclass(frozen=True)
class ProbeResult:
    """Seconds for a frame and the memory of the whole process.

    Attributes:
        median_s: Median over ``runs``: CPU time on one thread, which other processes hardly
            disturb, else wall-clock time.
        runs: How many were kept.
        peak_mib: Peak resident memory, or ``None`` where the system does not tell it.
        runtime: Name of the runtime's library.
        version: Its version.
    """

    median_s: float
    runs: int
    peak_mib: float | None
    runtime: str
    version: str


def probe(request: ProbeRequest) -> ProbeResult:
    """Open the file, run it on the sample pair, and time it."""
    session = _open(request)
    first, _, last = sample_triplet()
    pair = [sample_frame(path, request.height, request.width) for path in (first, last)]
    clock = time.process_time if request.threads == 1 else time.perf_counter

    def run() -> float:
        start = clock()
        session.run(*pair)
        return clock() - start

    samples = [run()]
    if samples[0] < request.patience_s:
        samples = [run() for _ in range(request.runs)]
    peak = peak_bytes()
    return ProbeResult(
        median_s=median(samples),
        runs=len(samples),
        peak_mib=None if peak is None else round(peak / 2**20, 1),
        runtime=session.runtime,
        version=session.version,
    )


def _open(request: ProbeRequest) -> Session:
    path = Path(request.file)
    if path.suffix != ".safetensors":
        return open_artifact(path, threads=request.threads)
    from cdfi_model.checkpoints.weights import load_network
    from cdfi_model.torch_runtime import TorchSession

    network = load_network(path)
    network.formulation = request.formulation
    return TorchSession(network, threads=request.threads)


def sample_frame(path: Path, height: int, width: int) -> NDArray[np.float32]:
    """A real frame, cropped or mirrored to the size: what a warp costs depends on the picture."""
    planes = to_network(read_image(path))
    full = max(height, planes.shape[2]), max(width, planes.shape[3])
    return pad(pad(planes, *full, "reflect")[..., :height, :width], height, width, "reflect")


def main() -> None:
    """Read a request from the command line and print the result."""
    raw: dict[str, Any] = json.loads(sys.argv[1])
    print(json.dumps(asdict(probe(ProbeRequest(**raw)))))


if __name__ == "__main__":
    main()
