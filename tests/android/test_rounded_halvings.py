"""The phone halves between frames of 8 bits, Python between unrounded ones: how far they differ."""

from __future__ import annotations

from typing import Any

import numpy as np
from cdfi_runtime import Interpolator
from cdfi_runtime.images import read_image
from cdfi_runtime.samples import sample_triplet

HEIGHT, WIDTH = 96, 160


def _rounded(interpolator: Interpolator, first: Any, last: Any, halvings: int) -> list[Any]:
    """As ``FrameSchedule`` and ``Interpolator`` of android_demo/core do it."""
    if halvings == 0:
        return []
    middle = interpolator.interpolate(first, last)
    before = _rounded(interpolator, first, middle, halvings - 1)
    return [*before, middle, *_rounded(interpolator, middle, last, halvings - 1)]


def test_quarters_and_eighths_of_the_phone_are_within_a_level_of_pythons() -> None:
    first, _, last = (read_image(path)[:HEIGHT, :WIDTH] for path in sample_triplet())
    interpolator = Interpolator.load(threads=1)
    phone = np.array(_rounded(interpolator, first, last, 3), int)
    python = np.array(list(interpolator.interpolate_sequence([first, last], factor=8))[1:-1], int)
    assert phone.shape == python.shape == (7, HEIGHT, WIDTH, 3)
    assert np.array_equal(phone[3], python[3])  # the middle itself is the same
    assert np.abs(phone - python).max() <= 1
