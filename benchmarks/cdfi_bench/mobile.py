"""What ONNX Runtime's own checker expects of its execution providers on phones."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cdfi_runtime.errors import MissingDependencyError, first_line
from cdfi_runtime.manifest import Manifest

from cdfi_bench.report import MobileUse


def try_mobile_use(artifact: Path, manifest: Manifest) -> tuple[tuple[MobileUse, ...] | None, str]:
    """:func:`mobile_use`, or ``None`` and why there is none: it must not cost the parity report."""
    if manifest.artifact.format != "onnx":
        return None, "ONNX Runtime's checker reads ONNX files only"
    try:
        return mobile_use(artifact), ""
    except Exception as error:  # whatever the checker stumbles over
        return None, f"not measured: {first_line(error)}"


def mobile_use(artifact: Path) -> tuple[MobileUse, ...]:
    """How NNAPI and Core ML would share an ONNX graph with the CPU.

    The checker (``onnxruntime.tools.mobile_helpers``) goes by operator types and shapes, after
    the optimisations of the basic level. No phone is asked, and what a provider says of an
    operator's attributes is not looked at.

    Args:
        artifact: The ``.onnx`` file.

    Raises:
        MissingDependencyError: onnx or onnxruntime is not installed.
    """
    try:
        from onnxruntime.tools.mobile_helpers import usability_checker as checker
        from onnxruntime.tools.onnx_model_utils import ModelProtoWithShapeInfo, optimize_model
    except ImportError as error:
        raise MissingDependencyError(
            "onnx", extra="export", needed_for="the mobile usability check"
        ) from error
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "optimised.onnx"
        optimize_model(artifact, plain)
        model = ModelProtoWithShapeInfo(plain).model_with_shape_info

    def core_ml(table: str) -> Callable[[], Any]:
        return lambda: checker.check_coreml_partitions(model, True, f"coreml_supported_{table}.md")

    providers: dict[str, Callable[[], Any]] = {
        "NNAPI": lambda: checker.check_nnapi_partitions(model, True),
        "Core ML, neural network": core_ml("neuralnetwork_ops"),
        "Core ML, ML Program": core_ml("mlprogram_ops"),
    }
    return tuple(_use(provider, check()) for provider, check in providers.items())


def _use(provider: str, found: Any) -> MobileUse:
    operators = (name.removeprefix("ai.onnx:") for name in found.unsupported_ops)
    return MobileUse(
        provider=provider,
        nodes=found.num_nodes,
        supported_nodes=found.num_supported_nodes,
        partitions=found.num_partitions,
        unsupported_operators=tuple(sorted(operators)),
        unsupported_by_dynamic_shape=found.nodes_unsupported_due_to_dynamic_input,
        unsupported_by_rank=found.num_unsupported_nodes_due_to_rank,
        suitable=found.suitability().name.lower(),
    )
