"""ONNX Runtime's own file format, written by ONNX Runtime."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import onnx
from cdfi_runtime.errors import ArtifactError, CdfiError, first_line
from cdfi_runtime.ort_operators import has_native_operators, register_operators

_PROVIDER = "CPUExecutionProvider"
# Folding the Casts of half-precision weights would double the file.
_NO_FOLDING = ["ConstantFolding"]

# cdfi_mobile at 448x256, ONNX Runtime 1.31, one AVX-512 core, interleaved medians: 1.31 in float32
# and float16, 1.00 in int8, as ratios to the ONNX file of the same precision.
REMARK = (
    "for ONNX Runtime's small builds on phones: convolutions keep the plain layout, which every "
    "CPU runs; x86 CPUs took 1.31 times as long as with the ONNX file, whose layout is chosen when "
    "it is loaded"
)


def convert(model: onnx.ModelProto, *, fold: bool) -> tuple[bytes, dict[str, int]]:
    """``model`` as an ``.ort`` file, and the operators in it. Its bytes differ from run to run.

    Fusions up to the extended level are done now, for builds of ONNX Runtime for phones do none
    when they load such a file. Layouts for one kind of CPU are not, so that it runs on every one.

    Args:
        model: Valid ONNX.
        fold: Compute what is constant now; else when the graph runs.

    Raises:
        ArtifactError: ONNX Runtime cannot load or convert the model.
        NativeError: the model has native operators, and their library is not there.
    """
    native = has_native_operators({node.op_type for node in model.graph.node})
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.onnx"
        onnx.save(model, source)
        target, seen = Path(folder) / "target.ort", Path(folder) / "seen.onnx"
        try:
            for file, kind in ((target, "ORT"), (seen, "ONNX")):
                _rewrite(source, file, kind, fold, native)
        except CdfiError:
            raise
        except Exception as error:  # ONNX Runtime's exceptions share no base class
            raise ArtifactError(
                "ONNX Runtime cannot convert this graph to its own format",
                got=first_line(error),
                fix="export with --format onnx, or choose another --warp or --opset",
            ) from error
        nodes = onnx.load(seen).graph.node
        return target.read_bytes(), dict(Counter(node.op_type for node in nodes))


def _rewrite(source: Path, target: Path, kind: str, fold: bool, native: bool) -> None:
    import onnxruntime

    options: Any = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(target)
    options.log_severity_level = 3
    options.add_session_config_entry("session.save_model_format", kind)
    if native:
        register_operators(options)
    onnxruntime.InferenceSession(
        str(source),
        options,
        providers=[_PROVIDER],
        disabled_optimizers=None if fold else _NO_FOLDING,
    )
