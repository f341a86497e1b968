"""Hold an artifact against torch on real frames, before rounding."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from cdfi_runtime.errors import ArtifactError, GateError
from cdfi_runtime.manifest import ParityResult

from cdfi_export.gates import parity_gate

if TYPE_CHECKING:
    from cdfi_model.data.image_sets import ImageSet, Triplet
    from cdfi_model.network import InterpolationNetwork
    from cdfi_runtime.runtimes import Session
    from numpy.typing import NDArray

    Planes = NDArray[np.float32]


@dataclass(frozen=True)
class PairDifference:
    """One pair's difference between artifact and reference; values in [0, 1], size in pixels.

    ``lost_db`` is what the artifact loses against the true middle frame, 8-bit, if there is one.
    """

    width: int
    height: int
    max_abs: float
    p99_9: float
    psnr_db: float
    ssim: float | None
    lost_db: float | None


def verify_artifact(
    artifact: Path,
    network: InterpolationNetwork,
    image_sets: Sequence[ImageSet],
    *,
    max_pairs: int | None = None,
    threads: int | None = None,
    tick: Callable[[str], None] | None = None,
) -> tuple[ParityResult, ...]:
    """Run ``artifact`` and ``network`` on the same frames and judge the difference.

    A runtime that can be told which compute units to use is asked for each in turn.

    Frames larger than a graph of fixed size are cropped at their centre, all are padded as the
    runtime pads, and only the frame itself is compared. Each result holds the worst value of its
    image set for each measure, and the size of the largest pair.

    Args:
        artifact: The file, with its manifest beside it.
        network: The network it was made from, float32. Its formulation is put back afterwards.
        image_sets: Real frame pairs.
        max_pairs: At most so many pairs of each set.
        threads: For both sides.
        tick: Called before each pair with its name.

    Raises:
        GateError: the artifact returned NaN or infinite values.
        CdfiError: the artifact cannot be opened or run.
    """
    from cdfi_model.torch_runtime import TorchSession
    from cdfi_model.warp.auto import choose_formulation
    from cdfi_runtime.runtimes import choose_runtime

    runtime = choose_runtime(artifact).spec
    sessions = [runtime.open(artifact, threads, unit) for unit in runtime.verified_on]
    manifest = sessions[0].manifest
    written = network.formulation
    results = []
    try:
        network.formulation = choose_formulation(
            network.spec,
            target="torch-cpu",
            width=manifest.size.width or 448,
            height=manifest.size.height or 256,
            opset=None,
        ).name
        reference = TorchSession(network, threads=threads)
        label = f"torch {reference.version}, float32, warp {network.formulation}"
        for image_set in image_sets:
            pairs: list[list[PairDifference]] = [[] for _ in sessions]
            for triplet in image_set.triplets[:max_pairs]:
                if tick is not None:
                    tick(f"{image_set.name}/{triplet.name}")
                for session, measured in zip(sessions, pairs, strict=True):
                    measured.append(compare_pair(session, reference, triplet))
            results += [
                _judge(image_set.name, measured, label, session)
                for session, measured in zip(sessions, pairs, strict=True)
            ]
    finally:
        network.formulation = written
    return tuple(results)


def compare_pair(session: Session, reference: Session, triplet: Triplet) -> PairDifference:
    """The difference between two sessions on one pair, read and cropped for ``session``.

    Raises:
        GateError: ``session`` returned NaN or infinite values.
        InputError: a frame cannot be read.
    """
    from cdfi_runtime.frames import check_pair, to_network
    from cdfi_runtime.images import read_image
    from cdfi_runtime.metrics import SSIM_WINDOW, max_abs, p99_9, psnr, ssim
    from cdfi_runtime.middle import raw_middle
    from cdfi_runtime.padding import centre_cut

    frame0, frame2 = read_image(triplet.frame0), read_image(triplet.frame2)
    check_pair(frame0, frame2)
    cut = centre_cut(session.manifest.size, *frame0.shape[:2])
    height, width = frame0[cut].shape[:2]
    pair = [to_network(frame[cut]) for frame in (frame0, frame2)]
    try:
        got = raw_middle(session, *pair)
    except ArtifactError as error:
        raise GateError(error.problem, expected=error.expected, got=error.got) from error
    wanted = raw_middle(reference, *pair, like=session.manifest)
    got, wanted = (np.ascontiguousarray(side[0].transpose(1, 2, 0)) for side in (got, wanted))
    return PairDifference(
        width=width,
        height=height,
        max_abs=max_abs(got, wanted),
        p99_9=p99_9(got, wanted),
        psnr_db=psnr(got, wanted, data_range=1.0),
        ssim=ssim(got, wanted, data_range=1.0) if min(height, width) >= SSIM_WINDOW else None,
        lost_db=None
        if triplet.truth is None
        else _lost(got, wanted, read_image(triplet.truth)[cut]),
    )


def _lost(got: Planes, wanted: Planes, truth: NDArray[np.uint8]) -> float:
    from cdfi_runtime.metrics import psnr, to_8bit

    ours, theirs = (psnr(to_8bit(side), truth, data_range=255) for side in (got, wanted))
    return 0.0 if ours == theirs else theirs - ours


def _judge(
    name: str, pairs: Sequence[PairDifference], reference: str, session: Session
) -> ParityResult:
    worst_abs = max(pair.max_abs for pair in pairs)
    worst_psnr = min(pair.psnr_db for pair in pairs)
    largest = max(pairs, key=lambda pair: pair.width * pair.height)
    similarities = [pair.ssim for pair in pairs if pair.ssim is not None]
    losses = [pair.lost_db for pair in pairs if pair.lost_db is not None]
    lost = sum(losses) / len(losses) if losses else None
    manifest = session.manifest
    gate = parity_gate(
        manifest.artifact.precision, manifest.warp.sampling, manifest.outputs[0].dtype
    )
    missed = gate.missed(worst_abs, worst_psnr, lost)
    identical = math.isinf(worst_psnr)
    return ParityResult(
        image_set=name,
        pairs=len(pairs),
        reference=reference,
        runtime=f"{session.runtime} {session.version}, {session.accelerator}",
        width=largest.width,
        height=largest.height,
        max_abs=worst_abs,
        p99_9=max(pair.p99_9 for pair in pairs),
        psnr_db=None if identical else worst_psnr,
        ssim=min(similarities) if similarities else None,
        max_abs_limit=gate.max_abs,
        psnr_limit_db=gate.psnr_db,
        lost_db=lost,
        lost_limit_db=gate.lost_db if gate.difference_db is None else gate.difference_db,
        verdict="fail" if missed else "pass",
        reason="; ".join(missed) or ("the outputs are identical" if identical else None),
    )
