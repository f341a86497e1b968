"""The fused warp in whole networks: beside no warp, the portable graph, torch, and matrix products.

Every step runs in a process of its own; this one collects what they send, so that an interruption
loses no finished frame.
"""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cdfi_export.frame_size import FrameSize
from cdfi_model.spec import NETWORKS
from cdfi_runtime.apart import run_apart

from cdfi_bench.fused_artifacts import CUT, FUSED, INT8, PORTABLE, FusedFacts, write_variants
from cdfi_bench.fused_report import FusedRow, Peak, make_row, peak
from cdfi_bench.fused_rounds import Rounds, environment, peak_of_frame, run_rounds
from cdfi_bench.progress import Advance, no_progress


@dataclass(frozen=True)
class FusedRequest:
    """What to measure.

    Attributes:
        network: Registered network.
        size: Frames whose time is taken.
        memory_size: Frames whose memory is taken; ``None`` takes none.
        runs: Rounds.
        threads: CPU threads.
        int8: Measure the int8 export too, calibrated on the sample pair.
        portable_memory: Take the portable graph's memory too.
    """

    network: str
    size: FrameSize
    memory_size: FrameSize | None
    runs: int
    threads: int
    int8: bool = False
    portable_memory: bool = False

    @property
    def variants(self) -> tuple[str, ...]:
        """Those that have an ONNX file."""
        return (FUSED, CUT, PORTABLE, *((INT8,) if self.int8 else ()))

    @property
    def weighed(self) -> tuple[str, ...]:
        """Those whose memory is taken."""
        if self.memory_size is None:
            return ()
        return (FUSED, *((PORTABLE,) if self.portable_memory else ()))

    @property
    def steps(self) -> int:
        """How often :meth:`Measurement.take` advances: files, first frames, rounds, memory."""
        return len(self.variants) + 1 + self.runs + 2 * len(self.weighed)


class Measurement:
    """What is known of one request so far."""

    def __init__(self, request: FusedRequest) -> None:
        self.request = request
        self._facts: FusedFacts | None = None
        self._samples: defaultdict[str, list[float]] = defaultdict(list)
        self._memory: dict[str, Peak] = {}
        self._eager = "unknown"

    def take(self, advance: Advance = no_progress) -> None:
        """Measure all of it.

        Args:
            advance: Told of each finished step.

        Raises:
            CdfiError: no such network, no native library, or a process died.
        """
        request = self.request
        multiple = NETWORKS.get(request.network).multiple

        def written(_: object) -> None:
            advance(1)

        def ran(message: tuple[str, float] | None) -> None:
            if message is None:
                advance(1)
            else:
                self._samples[message[0]].append(message[1])

        with tempfile.TemporaryDirectory() as name:
            folder, size = Path(name), request.size.padded(multiple)
            run = partial(run_apart, write_variants, request.network)
            self._facts = run(size, request.variants, folder, on_message=written)
            rounds = Rounds(
                request.network, size, folder, request.variants, request.runs, request.threads
            )
            with _environment(environment(request.threads)):
                self._eager = run_apart(run_rounds, rounds, on_message=ran)
            if request.memory_size is None:
                return
            wanted = request.memory_size
            for variant in request.weighed:
                run(wanted.padded(multiple), (variant,), folder, on_message=written)
                path = folder / f"{variant}.onnx"
                found: Any = run_apart(peak_of_frame, path, wanted, request.threads)
                self._memory[variant] = peak((wanted.width, wanted.height), found)
                advance(1)

    def row(self) -> FusedRow | None:
        """The row for what was measured; ``None`` before the first frame."""
        if self._facts is None or not self._samples[FUSED]:
            return None
        request = self.request
        return make_row(
            request.network,
            (request.size.width, request.size.height),
            self._facts,
            self._samples,
            self._memory,
            eager=self._eager,
            threads=request.threads,
        )


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Let processes that start meanwhile see these variables."""
    former = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
