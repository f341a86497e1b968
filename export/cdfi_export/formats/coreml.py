"""Core ML: an ML Program for iOS 16 and macOS 13 or later."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from cdfi_export.format_spec import FORMATS, FormatSpec, GraphRequest, WrittenGraph

_ANY_SIZE = (
    "a graph for every size: Core ML's Neural Engine takes fixed sizes only, and flexible ones are "
    "slower; export with --size where the size is known"
)


def export(request: GraphRequest, path: Path) -> WrittenGraph:
    """Write ``request`` to ``path``, a ``.mlpackage`` folder.

    Inputs ``frame0`` and ``frame2``, output ``frame1``: ``(1, 3, height, width)``, or RGB images.

    Raises:
        ArtifactError: the converter cannot write the network, or rounded sampling positions.
        InputError: a sparse form that would not be smaller.
    """
    from cdfi_export.coreml_check import check_positions, operations
    from cdfi_export.coreml_compress import compress
    from cdfi_export.coreml_sparse import HOW, sparsify
    from cdfi_export.coreml_trace import save, trace, traced_module

    network, precision, remarks = request.network, request.precision, []
    model = trace(network, request.size, precision, request.images)
    if precision not in ("float32", "float16"):
        module = traced_module(network, request.images)
        model = compress(model, module, network.sensitive_layers, precision)
        remarks.append(
            f"weights in {precision}, unpacked when loaded; activations as in float16; layers kept "
            f"in float16: {', '.join(network.sensitive_layers)}"
        )
    if request.sparse:
        model, saving = sparsify(model, traced_module(network, request.images), precision)
        remarks.append(saving.remark(HOW))
    if request.size is None:
        remarks.append(_ANY_SIZE)
    check_positions(model)
    model.user_defined_metadata["cdfi_manifest"] = request.manifest.model_dump_json()
    model.license = request.license
    model.short_description = "The frame half way between two frames."
    save(model, path)
    counts = Counter(item.type for item in operations(model) if item.type != "const")
    return WrittenGraph(dict(counts), tuple(remarks))


FORMATS.register(
    FormatSpec(
        name="coreml",
        summary="Core ML (ML Program) for iOS 16 and macOS 13 or later",
        suffix=".mlpackage",
        target="coreml",
        precisions=("float32", "float16", "int8", "palette6"),
        layout="NCHW",
        dynamic=True,
        opsets=None,
        packages=("torch", "coremltools"),
        extra="coreml",
        export=export,
        # A tap a call would be hundreds of samples: programs that take many minutes to convert.
        prefer=("unfold", "gather", "per_row"),
        images=True,
        sparse=("float32", "float16"),
        no_sparse="packed weights without their zeros need iOS 18",
    )
)
