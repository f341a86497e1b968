"""Where a run computes: one process on a CPU or GPU, or several that ``torchrun`` started."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import torch
from cdfi_runtime.errors import InputError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from cdfi_model.training.config import TrainConfig


def is_first_process() -> bool:
    """Whether this process may write files and show progress (rank 0, or the only one)."""
    return os.environ.get("RANK", "0") == "0"


def start_fabric(config: TrainConfig) -> Fabric:
    """A launched Fabric for ``config.device``; under ``torchrun``, with one device a process.

    Precision stays with the stages of the config, so Fabric is left at 32 bit.

    Raises:
        InputError: there is no such device, or a stage's batch cannot be shared evenly.
    """
    from lightning_fabric import Fabric
    from lightning_fabric.strategies.ddp import DDPStrategy

    world = int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_WORLD_SIZE", str(world)))
    device = config.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and torch.cuda.device_count() < local:
        raise InputError(
            "there are not enough CUDA devices for this run",
            expected=f"{local}, one for each process of this machine",
            got=str(torch.cuda.device_count()),
            fix="set device = 'cpu' in the config or start fewer processes",
        )
    for index, stage in enumerate(config.stages):
        if stage.batch % world:
            raise InputError(
                f"the batch of stage {index} cannot be shared evenly",
                expected=f"a multiple of {world}, the number of processes",
                got=str(stage.batch),
                fix="change the stage's batch or the number of processes",
            )
    if world == 1:
        fabric = Fabric(accelerator=device, devices=1)
    else:
        # Taps and synthesis get no gradient in stages without taps.
        strategy = DDPStrategy(find_unused_parameters=True)
        nodes = max(1, world // local)
        fabric = Fabric(accelerator=device, devices=local, num_nodes=nodes, strategy=strategy)
    fabric.launch()
    return fabric
