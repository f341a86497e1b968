"""The learning rate of every step."""

from __future__ import annotations

import math

from cdfi_model.training.config import TrainConfig


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up, then a cosine down to 1 % of the peak, or halves, or the peak."""
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    if config.halve_every is not None:
        return config.learning_rate * 0.5 ** (step // config.halve_every)
    if config.schedule == "constant":
        return config.learning_rate
    through = (step - config.warmup) / max(1, config.total_steps - config.warmup)
    return config.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * through)))
