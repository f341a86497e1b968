"""What a warp formulation makes of a training step: time and memory, beside the portable one.

Both are timed in turn in one process, so that a busy machine disturbs them alike. Memory is read
from a process each.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from cdfi_model.network import build_network
from cdfi_model.spec import NETWORKS, NetworkSpec
from cdfi_model.training.batches import Batch
from cdfi_model.training.config import Losses
from cdfi_model.training.losses.objective import Objective
from cdfi_model.warp import warp_padded
from cdfi_runtime.apart import Send, run_apart
from cdfi_runtime.memory import peak_bytes
from cdfi_runtime.samples import sample_triplet

from cdfi_bench.warp_probe import sample_frame

if TYPE_CHECKING:
    from torch import Tensor

_FRAME_CHANNELS = 3


@dataclass(frozen=True)
class TrainStepRequest:
    """What to measure.

    Attributes:
        network: Registered network; its weights are random.
        width: Of the crops in pixels, as ``height``.
        batch: Triplets a step.
        runs: Timed steps of each formulation, after one that is not kept.
        threads: CPU threads.
    """

    network: str
    width: int
    height: int
    batch: int
    runs: int
    threads: int


class TrainStepTimes(NamedTuple):
    """Medians in seconds, of CPU time on one thread and else of wall-clock time.

    Attributes:
        step_s: Forward, losses, backward, clipping and optimizer.
        warp_forward_s: The warps of a step alone: both frames.
        warp_backward_s: Their gradients alone.
    """

    step_s: float
    warp_forward_s: float
    warp_backward_s: float


def measure_times(
    request: TrainStepRequest, formulations: Sequence[str]
) -> dict[str, TrainStepTimes]:
    """Median times of each formulation, measured in turn in a process of its own."""
    return run_apart(_times, request, tuple(formulations))


def measure_peak(request: TrainStepRequest, formulation: str) -> float | None:
    """Peak resident memory of a process that makes two steps, in MiB; ``None`` if unknown."""
    return run_apart(_peak, request, formulation)


def _times(
    _send: Send, request: TrainStepRequest, formulations: tuple[str, ...]
) -> dict[str, TrainStepTimes]:
    torch.set_num_threads(request.threads)
    clock = time.process_time if request.threads == 1 else time.perf_counter
    step = _training_step(request)
    warps = _warps_alone(request)
    samples: dict[str, list[TrainStepTimes]] = {name: [] for name in formulations}
    for run in range(request.runs + 1):
        for name in formulations:
            started = clock()
            step(name)
            stepped = clock()
            warped = [warp(name) for warp in warps]
            forward = clock()
            for result in warped:
                result.backward(torch.ones_like(result))  # type: ignore[no-untyped-call]
            backward = clock()
            if run:
                times = TrainStepTimes(stepped - started, forward - stepped, backward - forward)
                samples[name].append(times)
    return {
        name: TrainStepTimes(*(median(values) for values in zip(*rows, strict=True)))
        for name, rows in samples.items()
    }


def _peak(_send: Send, request: TrainStepRequest, formulation: str) -> float | None:
    torch.set_num_threads(request.threads)
    step = _training_step(request)
    for _ in range(2):
        step(formulation)
    peak = peak_bytes()
    return None if peak is None else round(peak / 2**20, 1)


def _training_step(request: TrainStepRequest) -> Callable[[str], None]:
    """One step as the trainer makes it, given a formulation."""
    network = build_network(NETWORKS.get(request.network), seed=0).train()
    objective = Objective(network, Losses(total_variation=0.01), torch.device("cpu"))
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-5)
    frames = [
        torch.from_numpy(sample_frame(path, request.height, request.width)).repeat(
            request.batch, 1, 1, 1
        )
        for path in sample_triplet()
    ]
    flow = torch.zeros(request.batch, 4, request.height // 2, request.width // 2)
    frame0, middle, frame2 = frames
    batch = Batch(frame0, middle, frame2, flow)

    def step(formulation: str) -> None:
        network.formulation = formulation
        terms = objective(batch, True, True)
        optimizer.zero_grad(set_to_none=True)
        (terms.picture + 0.05 * terms.offsets).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()

    return step


def _warps_alone(request: TrainStepRequest) -> list[Callable[[str], Tensor]]:
    """The warps of a step with random weights and smooth random offsets of some pixels."""
    spec: NetworkSpec = NETWORKS.get(request.network)
    warp, random = spec.warp, torch.Generator().manual_seed(0)
    size = (request.height, request.width)
    padded = [side + 2 * warp.reach for side in size]
    features = spec.warp_channels > _FRAME_CHANNELS  # frames get no gradient, features do

    def one() -> Callable[[str], Tensor]:
        image = torch.rand(request.batch, spec.warp_channels, *padded, generator=random)
        logits = torch.randn(request.batch, warp.taps**2, *size, generator=random)
        offsets = torch.randn(2 * request.batch, warp.offset_maps, *size, generator=random)
        alpha, beta = F.avg_pool2d(10 * offsets, 9, 1, 4).chunk(2)
        weight = torch.softmax(logits, 1)
        for maps in (weight, alpha, beta):
            maps.requires_grad_()
        image.requires_grad_(features)

        def run(formulation: str) -> Tensor:
            for tensor in (image, weight, alpha, beta):
                tensor.grad = None
            return warp_padded(image, weight, alpha, beta, warp, formulation)

        return run

    return [one(), one()]
