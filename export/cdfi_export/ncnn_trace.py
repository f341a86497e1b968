"""From a torch network to ncnn's two files, by way of pnnx.

ncnn's tensors have no batch axis, so what a network does to two frames at once is written as the
same done to each.
"""

from __future__ import annotations

import copy
import subprocess
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from cdfi_model.layers.cost_volume import SymmetricCostVolume, normalize_features
from cdfi_model.pyramid import FeaturePyramid
from cdfi_runtime.errors import ArtifactError, MissingDependencyError
from torch import Tensor, fx, nn

from cdfi_export.format_spec import INPUT_NAMES, OUTPUT_NAME
from cdfi_export.frame_size import FrameSize
from cdfi_export.quiet import quiet

if TYPE_CHECKING:
    from cdfi_model.network import InterpolationNetwork

_NAMES = dict(zip(("in0", "in1", "out0"), (*INPUT_NAMES, OUTPUT_NAME), strict=True))
_LINES_BEFORE_LAYERS = 2  # a magic number; how many layers and blobs


def trace(
    network: InterpolationNetwork, size: FrameSize | None, *, half: bool
) -> tuple[str, bytes]:
    """The text of the ``.param`` file and the content of the ``.bin`` file.

    Args:
        network: In eval mode.
        size: Of the frames.
        half: Store the weights of layers in float16.

    Raises:
        ArtifactError: pnnx cannot write the network, or wrote what ncnn does not have.
        MissingDependencyError: pnnx is not installed.
    """
    assert size is not None, "the format has no dynamic sizes"
    try:
        import pnnx
    except ImportError as error:
        raise MissingDependencyError(
            "pnnx", extra="ncnn", needed_for="the format 'ncnn'"
        ) from error
    frame = torch.zeros(1, 3, size.height, size.width)
    frames = (frame, frame.clone())
    with torch.no_grad(), quiet(), tempfile.TemporaryDirectory() as folder:
        program = torch.export.export(_one_by_one(network).eval(), frames)
        module = _without_batches(program.module(check_guards=False))
        script = Path(folder) / "net.pt"
        traced = torch.jit.trace(module, frames, check_trace=False)  # type: ignore[no-untyped-call]
        traced.save(str(script))
        shape = f"[1,3,{size.height},{size.width}]f32"
        shapes = f"inputshape={shape},{shape}"
        command = [pnnx.EXEC_PATH, str(script), shapes, f"fp16={int(half)}"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
        files = [Path(folder) / f"net.ncnn.{suffix}" for suffix in ("param", "bin")]
        if done.returncode or not all(file.is_file() for file in files):
            raise _unwritten(network, f"pnnx ended with {done.returncode}")
        text = _named(files[0].read_text())
        # pnnx prints a remark and goes on where it drops an axis that ncnn does not have.
        lost = [line for line in done.stderr.splitlines() if "not supported" in line]
        lost += sorted(kind for kind in operators(text) if not kind.isalnum())
        if lost:
            raise _unwritten(network, "; ".join(lost))
        return text, files[1].read_bytes()


def operators(text: str) -> dict[str, int]:
    """The layers of a ``.param`` file by type, without inputs and the copies that ncnn counts."""
    kinds = Counter(line.split()[0] for line in text.splitlines()[_LINES_BEFORE_LAYERS:])
    return {kind: count for kind, count in kinds.items() if kind not in ("Input", "Split")}


def _unwritten(network: InterpolationNetwork, got: str) -> ArtifactError:
    return ArtifactError(
        f"ncnn has no form for {network.spec.name} with the warp '{network.formulation}'",
        expected="layers that ncnn has, on tensors without a batch axis",
        got=got,
        fix="choose another --warp or another --format",
    )


def _named(text: str) -> str:
    """The same graph with our names for its inputs and its output."""
    lines = text.splitlines()
    for number, line in enumerate(lines[_LINES_BEFORE_LAYERS:], _LINES_BEFORE_LAYERS):
        kind, name, inputs, outputs, *rest = line.split()
        blobs = int(inputs) + int(outputs)
        rest[:blobs] = [_NAMES.get(blob, blob) for blob in rest[:blobs]]
        lines[number] = " ".join((kind, _NAMES.get(name, name), inputs, outputs, *rest))
    return "\n".join(lines) + "\n"


class _EachFrame(nn.Module):
    """The feature pyramid of two frames, one after the other with the same weights."""

    def __init__(self, pyramid: nn.Module) -> None:
        super().__init__()
        self.pyramid = pyramid

    def forward(self, both: Tensor) -> list[Tensor]:
        """``(2, 3, H, W)`` to features of both frames for each level, as the pyramid itself."""
        levels = zip(self.pyramid(both[:1]), self.pyramid(both[1:]), strict=True)
        return [torch.cat(pair, 0) for pair in levels]


class _EachDisplacement(SymmetricCostVolume):
    """The cost volume, one displacement after the other: a row of them would be a batch."""

    def forward(self, features0: Tensor, features2: Tensor) -> Tensor:
        """See :class:`SymmetricCostVolume`."""
        first = normalize_features(features0)
        second = F.pad(normalize_features(features2), [2 * self.radius] * 4)
        height, width = first.shape[-2:]
        starts = [2 * step for step in reversed(range(2 * self.radius + 1))]
        costs = [
            (second[..., row : row + height, column : column + width] * first).mean(1, keepdim=True)
            for row in starts
            for column in starts
        ]
        return F.conv2d(
            torch.cat(costs, 1), self.shifts, padding=self.radius, groups=len(starts) ** 2
        )


def _one_by_one(network: InterpolationNetwork) -> nn.Module:
    copied = copy.deepcopy(network)
    for path, module in list(copied.named_modules()):
        if isinstance(module, FeaturePyramid):
            copied.set_submodule(path, _EachFrame(module))
        elif isinstance(module, SymmetricCostVolume):
            copied.set_submodule(path, _EachDisplacement(module.radius))
    return copied


def _without_batches(module: fx.GraphModule) -> fx.GraphModule:
    """Frames that are joined along the batch axis only to be taken apart again are not joined.

    Second names of a tensor, of which pnnx knows nothing, go too.
    """
    for node in module.graph.nodes:
        if node.target in (torch.ops.aten.alias.default, torch.ops.aten.detach.default):
            node.replace_all_uses_with(node.args[0])
        if node.target != torch.ops.aten.slice.Tensor:
            continue
        source, axis, start, end = _arguments(node.args, (None, 0, None, None))
        if axis or source.target != torch.ops.aten.cat.default or any(source.args[1:]):
            continue
        parts = source.args[0][start or 0 : end]
        if all(part.meta["val"].shape[0] == 1 for part in source.args[0]) and len(parts) == 1:
            node.replace_all_uses_with(parts[0])
    module.graph.eliminate_dead_code()
    module.recompile()
    return module


def _arguments(given: Sequence[Any], defaults: Sequence[Any]) -> list[Any]:
    return [*given, *defaults[len(given) :]]
