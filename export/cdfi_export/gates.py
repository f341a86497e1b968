"""Parity gates: how far an artifact's frames may be from torch's before rounding.

Truncating offset sampling is discontinuous at negative integers, so two correct runtimes may
differ by a step on single pixels. Only its PSNR is gated; the largest difference is reported.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ParityGate:
    """Limits on frames with values in [0, 1].

    Attributes:
        max_abs: Largest allowed absolute difference of one value; ``None`` for no limit.
        psnr_db: Smallest allowed PSNR in dB with a data range of 1.
    """

    max_abs: float | None
    psnr_db: float

    def missed(self, max_abs: float, psnr_db: float) -> list[str]:
        """One phrase with both numbers for each limit that was missed; empty if all hold.

        Not-a-number misses every limit.
        """
        phrases = []
        if self.max_abs is not None and not max_abs <= self.max_abs:
            phrases.append(f"max abs {max_abs:.3g} is above {self.max_abs:g}")
        if not psnr_db >= self.psnr_db:
            phrases.append(f"PSNR {psnr_db:.2f} dB is below {self.psnr_db:g} dB")
        return phrases


PARITY_GATES = {
    "bilinear": ParityGate(max_abs=2e-3, psnr_db=60.0),
    "truncate": ParityGate(max_abs=None, psnr_db=60.0),
}
