"""Parity gates: how far an artifact's frames may be from torch's. The limits are data."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from cdfi_runtime.errors import InputError


@dataclass(frozen=True)
class ParityGate:
    """Limits on frames with values in [0, 1]; ``None`` is no limit.

    Attributes:
        max_abs: Largest allowed absolute difference of one value.
        psnr_db: Smallest allowed PSNR to torch in dB, before rounding, with a data range of 1.
        difference_db: Largest allowed change, up or down, of PSNR in dB against the true middle
            frame.
        lost_db: Largest allowed loss of it; a gain is no fault.
    """

    max_abs: float | None = None
    psnr_db: float | None = None
    difference_db: float | None = None
    lost_db: float | None = None

    def missed(self, max_abs: float, psnr_db: float, lost_db: float | None = None) -> list[str]:
        """One phrase with both numbers for each limit that was missed; empty if all hold.

        Not-a-number misses every limit. What could not be measured against the truth, for want of
        true frames, misses its limit where no limit on PSNR stands beside it.
        """
        phrases = []
        if self.max_abs is not None and not max_abs <= self.max_abs:
            phrases.append(f"max abs {max_abs:.3g} is above {self.max_abs:g}")
        if self.psnr_db is not None and not psnr_db >= self.psnr_db:
            phrases.append(f"PSNR {psnr_db:.2f} dB is below {self.psnr_db:g} dB")
        if lost_db is None:
            if self.psnr_db is None:
                phrases.append("the loss against the true frames was not measured")
            return phrases
        for limit, value, what in (
            (self.difference_db, abs(lost_db), "of change"),
            (self.lost_db, lost_db, "lost"),
        ):
            if limit is not None and not value <= limit:
                phrases.append(
                    f"{value:.3f} dB {what} against the true frames is above {limit:g} dB"
                )
        return phrases

    def __str__(self) -> str:
        limits = (
            ("max abs of at most {:g}", self.max_abs),
            ("PSNR of at least {:g} dB", self.psnr_db),
            ("at most {:g} dB of change against the true frames", self.difference_db),
            ("at most {:g} dB lost against the true frames", self.lost_db),
        )
        return " and ".join(text.format(limit) for text, limit in limits if limit is not None)


def parity_gate(precision: str, sampling: str, output: str = "float32") -> ParityGate:
    """The gate for artifacts of a precision whose warp samples by ``sampling``.

    ``output`` is the data type of the frame that they give, as manifests name it.

    Raises:
        InputError: ``gates.toml`` has no limits for the precision.
    """
    limits = _gates().get(precision)
    if limits is None:
        raise InputError(
            f"there is no parity gate for the precision '{precision}'",
            expected=", ".join(_gates()),
            fix="add its limits to gates.toml",
        )
    chosen = limits.get(sampling, limits.get(output, limits))
    return ParityGate(**{name: limit for name, limit in chosen.items() if not _is_table(limit)})


@cache
def _gates() -> dict[str, Any]:
    return tomllib.loads(files("cdfi_export").joinpath("gates.toml").read_text(encoding="utf-8"))


def _is_table(value: object) -> bool:
    return isinstance(value, dict)
