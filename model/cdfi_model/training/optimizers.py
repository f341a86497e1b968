"""The optimizers that a training config can name."""

from __future__ import annotations

import torch

from cdfi_model.network import InterpolationNetwork
from cdfi_model.training.config import TrainConfig


def training_optimizer(network: InterpolationNetwork, config: TrainConfig) -> torch.optim.Optimizer:
    """``config.optimizer`` on all parameters of ``network``."""
    kind: type[torch.optim.AdamW | torch.optim.Adamax]
    kind = {"adamw": torch.optim.AdamW, "adamax": torch.optim.Adamax}[config.optimizer]
    return kind(network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
