"""The mean of the two frames."""

from __future__ import annotations

from cdfi_bench.baselines import BASELINES, Baseline
from cdfi_bench.predictors import FrameAverage

BASELINES.register(Baseline("average", FrameAverage.label, FrameAverage))
