"""A real export through the whole of ``cdfi-bench``."""

from __future__ import annotations

from pathlib import Path

import pytest
from cdfi_bench.cli import app
from cdfi_bench.report import Report
from cdfi_export.frame_size import FrameSize
from cdfi_export.options import ExportOptions
from cdfi_export.pipeline import export_all
from cdfi_runtime.command import run_app


class Quiet:
    """An observer that shows nothing."""

    def note(self, text: str) -> None: ...
    def start(self, artifact: str, steps: int) -> None: ...
    def step(self, text: str) -> None: ...
    def end(self) -> None: ...


@pytest.mark.slow
def test_exported_network_passes_parity_with_the_seed_it_was_made_from(
    images: Path, tmp_path: Path
) -> None:
    options = ExportOptions(
        network="compressed_adacof",
        seed=7,
        sizes=(FrameSize(64, 64),),
        out=tmp_path / "artifacts",
        threads=1,
    )
    (outcome,) = export_all(options, Quiet())
    assert outcome.error is None and outcome.file is not None
    arguments = ["parity", str(outcome.file), "--data", str(images), "--out", str(tmp_path)]
    for seed, code in (("7", 0), ("8", 2)):
        with pytest.raises(SystemExit) as end:
            run_app(app, [*arguments, "--seed", seed, "--threads", "1"])
        assert end.value.code == code
        rows = Report.model_validate_json((tmp_path / "parity.json").read_text()).rows
        assert {row.verdict.status for row in rows} == {"pass" if code == 0 else "skip"}
        if code == 0:
            assert all(row.artifact.network == "compressed_adacof" for row in rows)
            assert all(row.parity.psnr_db >= 60 for row in rows)
