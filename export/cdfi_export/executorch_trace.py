"""From a torch network to an ExecuTorch program, with XNNPACK where it takes an operator."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import torch
from cdfi_runtime.errors import ArtifactError, MissingDependencyError, first_line

from cdfi_export.frame_size import FrameSize
from cdfi_export.quiet import quiet

if TYPE_CHECKING:
    from cdfi_model.network import InterpolationNetwork
    from torch import fx

# Of the graph's form, not of what it computes.
_NO_OPERATORS = ("getitem", "executorch_call_delegate")


def trace(
    network: InterpolationNetwork, size: FrameSize | None, methods: dict[str, str]
) -> tuple[bytes, dict[str, int], dict[str, int]]:
    """The ``.pte`` file's content, its operators by number, and those that XNNPACK leaves.

    Args:
        network: In eval mode.
        size: Of the frames.
        methods: Texts to put into the file, each as a method of the given name that returns it.

    Raises:
        ArtifactError: ExecuTorch cannot write the network.
        MissingDependencyError: ExecuTorch is not installed.
    """
    assert size is not None, "the format has no dynamic sizes"
    try:
        with quiet():
            from executorch.backends.xnnpack.partition.xnnpack_partitioner import (
                XnnpackPartitioner,
            )
            from executorch.exir import to_edge_transform_and_lower
    except ImportError as error:
        raise MissingDependencyError(
            "executorch", extra="executorch", needed_for="the format 'executorch'"
        ) from error
    frame = torch.zeros(1, 3, size.height, size.width)
    try:
        with torch.no_grad(), quiet():
            edge = to_edge_transform_and_lower(
                torch.export.export(network.eval(), (frame, frame.clone())),
                partitioner=[XnnpackPartitioner()],
                constant_methods=methods,
            )
            module = edge.exported_program().graph_module
            left, taken = _operators(module), Counter[str]()
            for delegate in _delegates(module):
                taken += _operators(delegate.original_module.graph_module)
            return bytes(edge.to_executorch().buffer), dict(left + taken), dict(left)
    except (RuntimeError, ValueError, NotImplementedError) as error:
        raise ArtifactError(
            f"ExecuTorch cannot write {network.spec.name} with the warp '{network.formulation}'",
            got=first_line(error),
            fix="choose another --warp or another --format",
        ) from error


def _delegates(module: fx.GraphModule) -> list[Any]:
    from executorch.exir.lowered_backend_module import get_lowered_submodules

    return [lowered for _, lowered, _ in get_lowered_submodules(module)]


def _operators(module: fx.GraphModule) -> Counter[str]:
    targets = (node.target for node in module.graph.nodes if node.op == "call_function")
    names = (str(getattr(target, "__name__", target)).removeprefix("aten.") for target in targets)
    return Counter(name for name in names if name not in _NO_OPERATORS)
