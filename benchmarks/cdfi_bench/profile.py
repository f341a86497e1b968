"""Where an ONNX artifact's time goes: operator by operator, by ONNX Runtime's own profiler."""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from statistics import median
from typing import Any

from cdfi_runtime.errors import InputError, first_line
from cdfi_runtime.runtimes import choose_runtime, open_artifact
from cdfi_runtime.samples.pair import sample_pair

_RUNTIME = "onnxruntime"
_KERNEL = "_kernel_time"
# Which input holds the weights. Those of transposed convolutions are repacked and not recorded.
_WEIGHTS = {"Conv": 1, "FusedConv": 1, "QLinearConv": 3}


@dataclass(frozen=True)
class NodeTime:
    """One node of the graph that ONNX Runtime made of the artifact.

    Attributes:
        name: Its name there; ``_nchwc`` ends those in the blocked layout.
        operator: What it computes.
        seconds: Median over the runs.
        inputs: Shapes of its inputs, weights among them.
        output: Shape of its first output.
        macs: Multiply-accumulates of a convolution as it is laid out, channels that fill up a block
            included; 0 for other operators, and where the profiler does not tell the weights.
    """

    name: str
    operator: str
    seconds: float
    inputs: tuple[tuple[int, ...], ...]
    output: tuple[int, ...]
    macs: int

    @property
    def gflops(self) -> float | None:
        """Rate of a convolution, two operations each multiply-accumulate."""
        return 2e-9 * self.macs / self.seconds if self.macs and self.seconds else None


@dataclass(frozen=True)
class Profile:
    """A profiled artifact: its size in the graph, and its nodes, longest time first."""

    artifact: str
    width: int
    height: int
    runs: int
    threads: int | None
    nodes: tuple[NodeTime, ...]

    @property
    def seconds(self) -> float:
        """All nodes together."""
        return sum(node.seconds for node in self.nodes)

    def operators(self) -> dict[str, tuple[NodeTime, ...]]:
        """Nodes by operator, the operator that takes longest first."""
        found: defaultdict[str, list[NodeTime]] = defaultdict(list)
        for node in self.nodes:
            found[node.operator].append(node)
        ordered = sorted(found.items(), key=lambda item: -sum(n.seconds for n in item[1]))
        return {operator: tuple(nodes) for operator, nodes in ordered}

    def to_json(self) -> str:
        """Everything, with the rates of convolutions."""
        nodes = [{**asdict(node), "gflops": node.gflops} for node in self.nodes]
        return json.dumps({**asdict(self), "seconds": self.seconds, "nodes": nodes}, indent=2)


def profile_artifact(
    path: Path, size: tuple[int, int], *, runs: int, threads: int | None = None
) -> Profile:
    """Run ``path`` on the sample pair and take each node's time.

    Args:
        path: An ``.onnx`` or ``.ort`` artifact.
        size: ``(width, height)`` of the frames; the graph may pad them to its own.
        runs: Measured runs, after one that is not.
        threads: CPU threads; ``None`` leaves it to ONNX Runtime.

    Raises:
        InputError: another runtime's artifact, frames larger than a fixed graph, or ONNX Runtime
            cannot run it, e.g. for lack of memory.
    """
    spec = choose_runtime(path).spec
    if spec.name != _RUNTIME:
        raise InputError(
            f"{path.name} cannot be profiled",
            expected="an .onnx or .ort artifact, which ONNX Runtime runs",
            got=f"one for {spec.name}",
            fix="measure it with cdfi-bench latency",
        )
    manifest = open_artifact(path, spec.name, threads).manifest  # checks the file as always
    fed = sample_pair(manifest, *size)
    height, width = fed[0].shape[2:]
    feeds = dict(zip((tensor.name for tensor in manifest.inputs), fed, strict=True))
    with tempfile.TemporaryDirectory() as folder:
        session = _profiled_session(path, Path(folder), threads)
        try:
            for _ in range(runs + 1):
                session.run(None, feeds)
        except Exception as error:  # ONNX Runtime's exceptions share no base class
            raise InputError(
                f"ONNX Runtime failed on frames of {width}x{height} pixels",
                got=first_line(error),
                fix="try smaller frames; if that fails too, export the artifact again",
            ) from error
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    return Profile(path.name, width, height, runs, threads, _nodes(events, runs))


def _profiled_session(path: Path, folder: Path, threads: int | None) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads or 0
    options.inter_op_num_threads = 1
    options.enable_profiling = True
    options.profile_file_prefix = str(folder / "profile")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _nodes(events: list[dict[str, Any]], runs: int) -> tuple[NodeTime, ...]:
    by_node: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith(_KERNEL):
            by_node[event["name"].removesuffix(_KERNEL)].append(event)
    nodes = []
    for name, found in by_node.items():
        facts = found[-1]["args"]
        inputs, outputs = _shapes(facts["input_type_shape"]), _shapes(facts["output_type_shape"])
        operator, output = facts["op_name"], outputs[0] if outputs else ()
        nodes.append(
            NodeTime(
                name=name,
                operator=operator,
                seconds=1e-6 * median(event["dur"] for event in found[-runs:]),
                inputs=inputs,
                output=output,
                macs=_macs(operator, inputs, output),
            )
        )
    return tuple(sorted(nodes, key=lambda node: -node.seconds))


def _shapes(described: list[dict[str, list[int]]]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(shape) for each in described for shape in each.values())


def _macs(operator: str, inputs: tuple[tuple[int, ...], ...], output: tuple[int, ...]) -> int:
    position = _WEIGHTS.get(operator)
    if position is None or len(inputs) <= position or len(inputs[position]) != 4:
        return 0
    return prod(output) * prod(inputs[position][1:])
