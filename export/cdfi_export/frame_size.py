"""Frame sizes as users write them: ``448x256`` is 448 pixels wide and 256 high."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cdfi_runtime.errors import InputError

MAX_SIDE = 8192


@dataclass(frozen=True)
class FrameSize:
    """Width and height in pixels, both at least 1."""

    width: int
    height: int

    @classmethod
    def parse(cls, text: str) -> FrameSize:
        """Read ``WxH``.

        Raises:
            InputError: no such text, or a side outside 1 to 8192 pixels.
        """
        match = re.fullmatch(r"\s*(\d{1,9})\s*[xX]\s*(\d{1,9})\s*", text)
        if match is None:
            raise InputError(
                "the size cannot be read",
                expected="WIDTHxHEIGHT in pixels",
                got=repr(text),
                fix="write e.g. --size 448x256",
            )
        size = cls(int(match[1]), int(match[2]))
        if not (1 <= size.width <= MAX_SIDE and 1 <= size.height <= MAX_SIDE):
            raise InputError(
                "the size is out of range",
                expected=f"sides of 1 to {MAX_SIDE} pixels",
                got=str(size),
                fix="choose a smaller size, or --dynamic for one graph that takes any",
            )
        return size

    def padded(self, multiple: int) -> FrameSize:
        """The smallest size with sides that are multiples of ``multiple`` and hold this one."""
        return FrameSize(*(-(-side // multiple) * multiple for side in (self.width, self.height)))

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


# What stands for any size where one must be named: costs, calibration, the measured warp table.
# The papers' training frames are this large.
TYPICAL_SIZE = FrameSize(448, 256)
