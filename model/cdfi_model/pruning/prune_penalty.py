"""How strong the penalty must be for a target density, from epoch to epoch."""

from __future__ import annotations

# A little more than needed: later zeros cost more steps than earlier ones, for the small weights
# go first.
_MARGIN = 1.1


def next_penalty(
    penalty: float,
    densities: tuple[float, float],
    *,
    target: float | None,
    epochs_left: int,
    growth: float,
) -> float:
    """The penalty of the coming epoch.

    A weight moves towards zero by learning rate times penalty a step, so the loss of density in an
    epoch goes about with the penalty. It is raised so that the way to the target would be gone in
    even parts, with the last epoch in reserve; it is never lowered, for the published algorithm
    does not.

    Args:
        penalty: Of the epoch that ended.
        densities: At its beginning and at its end.
        target: Density to reach; without one the penalty grows by ``growth``.
        epochs_left: Epochs that may still be taken, the coming one among them.
        growth: Most that it is raised by, as a factor.
    """
    if target is None:
        return penalty * growth
    before, now = densities
    needed = _MARGIN * max(0.0, now - target) / max(1, epochs_left - 1)
    lost = before - now
    if needed <= 0:
        return penalty
    factor = needed / lost if lost > 0 else growth
    return penalty * min(max(1.0, factor), growth)
