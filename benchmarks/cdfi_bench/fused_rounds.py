"""Rounds of all variants in turn, in one process: a busy machine disturbs them alike."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cdfi_export.frame_size import FrameSize
from cdfi_runtime.apart import Send
from cdfi_runtime.memory import peak_bytes
from cdfi_runtime.samples.pair import sample_pair

from cdfi_bench.fused_artifacts import EAGER
from cdfi_bench.sgemm import sgemms

# A variant whose first frame takes longer than this runs in the first rounds only.
SLOW_S = 3.0
SLOW_ROUNDS = 2
SGEMM = "sgemm "
_SAMPLED = ("per_tap", "per_row")  # the eager formulations made of grid_sample


@dataclass(frozen=True)
class Rounds:
    """What to run.

    Attributes:
        network: Registered network, for torch; weights as in the files.
        size: Frame size of the files.
        folder: Where they lie as ``VARIANT.onnx``.
        variants: Those that have a file.
        runs: Rounds.
        threads: CPU threads of each library. With one, CPU time is taken, else wall-clock time.
    """

    network: str
    size: FrameSize
    folder: Path
    variants: tuple[str, ...]
    runs: int
    threads: int


def environment(threads: int) -> dict[str, str]:
    """Variables that :func:`run_rounds` needs in its process from the start.

    BLAS libraries take their threads from there. And glibc is told to keep freed memory: by default
    it hands large tensors back to the system and asks for them anew, which costs torch 30 of 48 s
    in one eager frame of ``cdfi`` (page faults, on a virtual machine) and ONNX Runtime, which
    keeps its memory anyway, nothing. Ratios to eager would flatter the fused graph.
    """
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    keep = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**40)}
    return dict.fromkeys(names, str(threads)) | keep


def run_rounds(send: Send, rounds: Rounds) -> str:
    """Send ``(variant, seconds)`` for every sample, ``None`` at the end of every round.

    Run it in a process that was started with :func:`environment`. ``variant`` is a file's,
    ``eager``, or ``sgemm LIBRARY``. The samples of a variant are those of the first rounds,
    without gaps.

    Returns:
        The formulation that torch ran: the quicker one of those made of ``grid_sample``.
    """
    clock = time.process_time if rounds.threads == 1 else time.perf_counter

    def timed(call: Callable[[], object]) -> float:
        started = clock()
        call()
        return clock() - started

    calls, formulation = _calls(rounds, timed)
    slow = {name for name, call in calls.items() if timed(call) > SLOW_S}  # each one's first frame
    products = sgemms(rounds.threads)
    send(None)
    for index in range(rounds.runs):
        for name, call in calls.items():
            if index < SLOW_ROUNDS or name not in slow:
                send((name, timed(call)))
        for library, multiply in products.items():
            multiply()  # not kept: brings its data back into the caches that a frame took over
            send((SGEMM + library, timed(multiply)))
        send(None)
    return formulation


def _calls(
    rounds: Rounds, timed: Callable[[Callable[[], object]], float]
) -> tuple[dict[str, Callable[[], object]], str]:
    import torch
    from cdfi_export.source import load_source
    from cdfi_runtime.runtimes import Session, open_artifact

    sessions: dict[str, Session] = {
        variant: open_artifact(rounds.folder / f"{variant}.onnx", threads=rounds.threads)
        for variant in rounds.variants
    }
    manifest = next(iter(sessions.values())).manifest
    pair = sample_pair(manifest, rounds.size.width, rounds.size.height)

    def one(session: Session) -> Callable[[], object]:
        return lambda: session.run(*pair)

    calls = {variant: one(session) for variant, session in sessions.items()}
    torch.set_num_threads(rounds.threads)
    network = load_source(rounds.network, None, None).network
    frames = [torch.from_numpy(frame) for frame in pair]

    @torch.no_grad()
    def eager(formulation: str) -> object:
        network.formulation = formulation
        return network(*frames)

    quicker = min(_SAMPLED, key=lambda name: timed(lambda: eager(name)))
    return {**calls, EAGER: lambda: eager(quicker)}, quicker


def peak_of_frame(_send: Send, path: Path, size: FrameSize, threads: int) -> int | None:
    """Peak resident memory in bytes of a process that runs two frames; ``None`` if unknown."""
    from cdfi_runtime.runtimes import open_artifact

    session = open_artifact(path, threads=threads)
    pair = sample_pair(session.manifest, size.width, size.height)
    for _ in range(2):
        session.run(*pair)
    return peak_bytes()
