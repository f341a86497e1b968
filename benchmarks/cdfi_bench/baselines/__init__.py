"""What every network is measured beside: one file each, no weights involved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cdfi_runtime.registry import Registry

from cdfi_bench.predictors import Predictor


@dataclass(frozen=True)
class Baseline:
    """A way to make a middle frame that needs no training.

    Attributes:
        name: As it is asked for on the command line.
        label: Its name in reports.
        load: Makes the predictor; raises ``MissingDependencyError`` if it needs what is not there.
    """

    name: str
    label: str
    load: Callable[[], Predictor]


BASELINES: Registry[Baseline] = Registry("baseline", "cdfi_bench.baselines")
