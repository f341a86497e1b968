"""``cdfi-bench compression``: every stage of ``cdfi-model compress``, exported and measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cdfi_export.frame_size import FrameSize
from cdfi_export.options import ExportOptions
from cdfi_export.timing import time_artifact
from cdfi_model.pruning.compress_report import CompressStage, read_compress_report
from cdfi_runtime.errors import CdfiError, GateError, first_line
from cdfi_runtime.files import artifact_bytes
from cdfi_runtime.manifest import read_manifest

from cdfi_bench.compression_report import CompressionReport, SetQuality, StageRow
from cdfi_bench.environment import device_info, run_info
from cdfi_bench.export_apart import export_apart
from cdfi_bench.quality import quality_report

if TYPE_CHECKING:
    from cdfi_model.data.image_sets import ImageSet

Form = Literal["dense", "sparse"]
DENSE: Form = "dense"
SPARSE: Form = "sparse"


@dataclass(frozen=True)
class CompressionRequest:
    """What is measured.

    Attributes:
        folder: Of a complete ``cdfi-model compress``.
        sets: Image sets for quality; none for none.
        threads: CPU threads.
        artifacts: Folder that the ONNX files are written into.
    """

    folder: Path
    sets: Sequence[ImageSet]
    threads: int
    artifacts: Path


def measure_compression(
    request: CompressionRequest, *, tell: Callable[[str], None]
) -> CompressionReport:
    """Export, time and judge every stage; the pruned one in its sparse form too.

    What cannot be exported becomes a row with its reason.

    Raises:
        InputError: no compression report in the folder, or no true frames in the sets.
        ArtifactError: the report is foreign.
    """
    made = read_compress_report(request.folder)
    size = FrameSize(*made.size)
    rows: list[StageRow] = []
    baseline: Path | None = None
    for stage in made.stages:
        tell(stage.name)
        artifact, row = _row(request, size, stage, DENSE, baseline)
        baseline = baseline or artifact
        rows.append(row)
        if stage.sparse_bytes is not None:
            rows.append(_row(request, size, stage, SPARSE, baseline)[1])
    return CompressionReport(
        run=run_info(),
        device=device_info(),
        size=made.size,
        threads=request.threads,
        held_out=made.held_out,
        rows=tuple(rows),
    )


def _row(
    request: CompressionRequest,
    size: FrameSize,
    stage: CompressStage,
    form: Form,
    baseline: Path | None,
) -> tuple[Path | None, StageRow]:
    facts: dict[str, Any] = dict.fromkeys(("bytes", "frame_s", "ratio", "parity_db"))
    missing: dict[str, str] = {}
    quality: tuple[SetQuality, ...] = ()
    artifact = None
    try:
        artifact = export_apart(_options(request, size, stage, form))
    except CdfiError as error:
        missing = dict.fromkeys(facts, first_line(error))
    else:
        timing = time_artifact(artifact, baseline or artifact, request.threads)
        parity = _parity_db(artifact)
        facts = {"bytes": artifact_bytes(artifact), "parity_db": parity}
        facts |= {"frame_s": timing.frame_s, "ratio": timing.ratio}
        reason = timing.reason or "its frames are identical to torch's"
        missing = {name: reason for name, value in facts.items() if value is None}
        # The sparse form decodes to the same values: its frames are those of the dense row.
        quality = _quality(artifact, request) if form == DENSE and request.sets else ()
    alike = ("parameters", "nonzero", "macs", "val_psnr_db")
    row = StageRow(
        stage=stage.name,
        form=form,
        quality=quality,
        unmeasured=missing,
        **facts,
        **{name: getattr(stage, name) for name in alike},
    )
    return artifact, row


def _options(
    request: CompressionRequest, size: FrameSize, stage: CompressStage, form: Form
) -> ExportOptions:
    return ExportOptions(
        weights=request.folder / stage.weights,
        sizes=(size,),
        out=request.artifacts / f"{stage.name}_{form}",
        threads=request.threads,
        form=form,
    )


def _parity_db(artifact: Path) -> float | None:
    found = [each.psnr_db for each in read_manifest(artifact).parity]
    return min((each for each in found if each is not None), default=None)


def _quality(artifact: Path, request: CompressionRequest) -> tuple[SetQuality, ...]:
    report = quality_report([artifact], request.sets, threads=request.threads)
    found = []
    for row in report.rows:
        if row.subject == artifact.name and row.input is not None and row.quality is not None:
            mean = row.quality
            if mean.psnr_db is None or mean.ssim is None:
                raise GateError(f"{artifact.name} has no quality", got=row.verdict.reason)
            found.append(
                SetQuality(
                    name=row.input.image_set,
                    triplets=row.input.images,
                    psnr_db=mean.psnr_db,
                    ssim=mean.ssim,
                )
            )
    return tuple(found)
