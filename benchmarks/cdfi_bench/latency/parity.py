"""The picture a device made while it was timed, against a reference and the true frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cdfi_runtime.errors import CdfiError, InputError, first_line
from cdfi_runtime.manifest import Manifest
from cdfi_runtime.metrics import to_8bit
from cdfi_runtime.middle import check_result, raw_middle
from cdfi_runtime.runtimes import Session, open_artifact
from cdfi_runtime.samples.pair import sample_frames
from numpy.typing import NDArray

from cdfi_bench.differences import difference_case
from cdfi_bench.gallery import Case
from cdfi_bench.gates import at_least
from cdfi_bench.latency.measurement import LatencyMeasurement
from cdfi_bench.parity import parity_gates
from cdfi_bench.references import References
from cdfi_bench.report import Gate, Parity, Quality
from cdfi_bench.scores import frame_quality, raw_parity

Planes = NDArray[np.float32]


@dataclass(frozen=True)
class Compared:
    """An output's numbers and its picture; what is ``None`` was not compared, for ``reason``."""

    parity: Parity | None = None
    quality: Quality | None = None
    gates: Sequence[Gate] = ()
    reason: str = ""
    case: Case | None = None


@dataclass(frozen=True)
class OutputParity:
    """Compares outputs with torch, or where its weights are unknown with the artifact run here.

    Attributes:
        references: Torch networks; ``None`` where torch is not installed.
        threads: CPU threads of the reference.
    """

    references: References | None
    threads: int | None = None

    def of(self, artifact: Path, result: LatencyMeasurement) -> Compared:
        """The numbers and the gates they are held to: those of ``cdfi-bench parity``.

        Without a picture nothing is compared. One of another shape or with NaN misses a gate.
        """
        output = result.output
        if output is None:
            return Compared(reason=result.ended or "what ran it hands no picture back")
        manifest = result.manifest
        try:
            frame0, truth, frame2 = sample_frames(manifest, *result.size)
            check_result(artifact.name, output, frame0.shape)
            session, label = self._reference(artifact, manifest)
            expected = _pixels(raw_middle(session, frame0, frame2, like=manifest))
            pixels = _pixels(output)
            parity = raw_parity(pixels, expected, label)
            quality = frame_quality(pixels, to_8bit(_pixels(truth)), expected, label)
        except CdfiError as error:
            return Compared(gates=(at_least("PSNR dB", None, 0.0),), reason=first_line(error))
        gates = parity_gates(parity, quality, manifest)
        case = None
        if parity.psnr_db is not None:  # identical pictures have no differences to show
            case = difference_case(
                artifact.name, "sample", "sample", pixels, expected, parity.psnr_db
            )
        return Compared(parity, quality, gates, case=case)

    def _reference(self, artifact: Path, manifest: Manifest) -> tuple[Session, str]:
        if self.references is not None:
            try:
                reference = self.references.find(manifest)
            except InputError:  # weights that nobody has at hand
                pass
            else:
                return reference.session, reference.label
        session = open_artifact(artifact, threads=self.threads)
        return session, f"the same file here, {session.runtime} {session.version}"


def _pixels(planes: Planes) -> Planes:
    return np.ascontiguousarray(planes[0].transpose(1, 2, 0))
