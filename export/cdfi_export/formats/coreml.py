"""Core ML: an ML Program for iOS 16 and macOS 13 or later."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from cdfi_export.format_spec import FORMATS, FormatSpec, GraphRequest, WrittenGraph


def export(request: GraphRequest, path: Path) -> WrittenGraph:
    """Write ``request`` to ``path``, a ``.mlpackage`` folder.

    Inputs ``frame0`` and ``frame2``, output ``frame1``: ``(1, 3, height, width)``.

    Raises:
        ArtifactError: the converter cannot write the network, or rounded sampling positions.
    """
    from cdfi_export.coreml_trace import check_positions, save, trace

    model = trace(request.network, request.size, request.precision)
    check_positions(model)
    model.user_defined_metadata["cdfi_manifest"] = request.manifest.model_dump_json()
    model.license = request.license
    model.short_description = "The frame half way between two frames."
    save(model, path)
    operations = model._mil_program.functions["main"].operations
    return WrittenGraph(
        dict(Counter(item.op_type for item in operations if item.op_type != "const"))
    )


FORMATS.register(
    FormatSpec(
        name="coreml",
        summary="Core ML (ML Program) for iOS 16 and macOS 13 or later",
        suffix=".mlpackage",
        target="coreml",
        precisions=("float32", "float16"),
        layout="NCHW",
        dynamic=False,
        opsets=None,
        packages=("torch", "coremltools"),
        extra="coreml",
        export=export,
    )
)
