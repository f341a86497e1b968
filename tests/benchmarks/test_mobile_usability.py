"""The mobile usability check of ONNX artifacts, and where reports show it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from cdfi_bench import mobile
from cdfi_bench.report import ArtifactFacts, Report
from cdfi_bench.reports.as_html import render_html
from cdfi_bench.reports.as_markdown import render_markdown
from onnx import TensorProto, helper, numpy_helper


def graph(path: Path, *, side: int | str = 8) -> Path:
    """A convolution, a sample and a convolution: what NNAPI lacks parts what it has."""
    single = TensorProto.FLOAT
    kernel = numpy_helper.from_array(np.ones((3, 3, 3, 3), np.float32), "kernel")
    node = helper.make_node
    nodes = [
        node("Conv", ["frame", "kernel"], ["a"], "first", pads=[1, 1, 1, 1]),
        node("GridSample", ["a", "grid"], ["b"], "sample"),
        node("Conv", ["b", "kernel"], ["out"], "second", pads=[1, 1, 1, 1]),
    ]
    inputs = [
        helper.make_tensor_value_info("frame", single, (1, 3, side, side)),
        helper.make_tensor_value_info("grid", single, (1, side, side, 2)),
    ]
    result = helper.make_tensor_value_info("out", single, (1, 3, side, side))
    built = helper.make_graph(nodes, "g", inputs, [result], [kernel])
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(built, opset_imports=opset, ir_version=10), path)
    return path


def test_providers_partitions_and_unsupported_operators(tmp_path: Path) -> None:
    uses = {use.provider: use for use in mobile.mobile_use(graph(tmp_path / "g.onnx"))}
    nnapi, program = uses["NNAPI"], uses["Core ML, ML Program"]
    assert (nnapi.nodes, nnapi.supported_nodes, nnapi.partitions) == (3, 2, 2)
    assert nnapi.unsupported_operators == ("GridSample",)
    assert (program.supported_nodes, program.partitions, program.suitable) == (3, 1, "yes")
    assert program.unsupported_operators == ()


def test_dynamic_shapes_are_told_apart_from_operators(tmp_path: Path) -> None:
    (nnapi, *_) = mobile.mobile_use(graph(tmp_path / "g.onnx", side="height"))
    assert nnapi.supported_nodes == 0
    assert nnapi.unsupported_by_dynamic_shape == 3
    assert nnapi.suitable == "no"


def test_remarks_of_the_exporter_are_in_every_form_of_the_report() -> None:
    report = _report(None, "not an ONNX file")
    row = report.rows[0]
    plain = row.model_copy(update={"artifact": _facts(())})
    said = row.model_copy(update={"artifact": _facts(("kept in float32: head (0.1 dB) <b>",))})
    for render, text in ((render_markdown, "head (0.1 dB)"), (render_html, "head (0.1 dB) &lt;b")):
        assert text in render(report.model_copy(update={"rows": (said,)}))
        assert "Remarks" not in render(report.model_copy(update={"rows": (plain,)}))


def _facts(remarks: tuple[str, ...]) -> ArtifactFacts:
    return ArtifactFacts(
        network="n",
        form="dense",
        format="onnx",
        precision="int8",
        warp="unfold",
        sampling="bilinear",
        opset=18,
        sha256="0" * 64,
        weights_sha256="0" * 64,
        bytes=1,
        parameters=1,
        macs=1,
        macs_size=(1, 1),
        remarks=remarks,
    )


def _report(use: tuple[mobile.MobileUse, ...] | None, reason: str) -> Report:
    from cdfi_bench.environment import device_info, run_info
    from cdfi_bench.report import Verdict
    from cdfi_bench.rows import make_row

    verdict = Verdict(status="pass", reason="all gates held")
    rows = [
        make_row("parity", "g.onnx", verdict, reasons={"mobile": reason}, mobile=use)
        for _ in range(2)
    ]
    return Report(kind="parity", run=run_info(), device=device_info(), rows=tuple(rows))


def test_reports_show_each_artifact_once(tmp_path: Path) -> None:
    report = _report(mobile.mobile_use(graph(tmp_path / "g.onnx")), "")
    markdown, page = render_markdown(report), render_html(report)
    line = "| g.onnx | NNAPI | 2 of 3 | 2 | GridSample |"
    assert markdown.count(line) == 1
    assert page.count("<td>NNAPI</td>") == 1 and "Mobile usability" in page
    assert Report.model_validate_json(report.model_dump_json()) == report


def test_without_the_check_there_is_a_reason_and_no_section() -> None:
    report = _report(None, "not an ONNX file")
    assert report.rows[0].unmeasured["mobile"] == "not an ONNX file"
    assert "Mobile usability" not in render_markdown(report)
    assert "Mobile usability" not in render_html(report)


def test_a_checker_that_fails_costs_no_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Facts:
        class artifact:  # noqa: N801  stands for a manifest
            format = "onnx"

    def fails(_: Path) -> None:
        raise RuntimeError("odd graph")

    monkeypatch.setattr(mobile, "mobile_use", fails)
    assert mobile.try_mobile_use(tmp_path, Facts) == (None, "not measured: odd graph")  # type: ignore[arg-type]
