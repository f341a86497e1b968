"""What ``cdfi-model compact`` did: the widths before and after, and the costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from rich.table import Table

from cdfi_model.kernel_unet_spec import KernelUNetSpec
from cdfi_model.pruning.channel_graph import slot_widths


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WidthChange(_Strict):
    """One width of the spec, such as ``encoder.0.2``."""

    slot: str
    before: int
    after: int


class CompactReport(_Strict):
    """A reshaped network beside the one that it was made from."""

    schema_version: Literal[1] = 1
    network: str
    source: str = Field(description="where the densities or the channels are from")
    rules: dict[str, Any] = Field(description="what was asked for")
    scale: float | None = Field(description="factor on all densities that met the budget")
    size: tuple[int, int] = Field(description="[width, height] of the frame that macs are of")
    before: dict[str, int] = Field(description="parameters, macs and bytes (float32)")
    after: dict[str, int]
    widths: tuple[WidthChange, ...]
    spec: dict[str, Any]


def width_changes(before: KernelUNetSpec, after: KernelUNetSpec) -> tuple[WidthChange, ...]:
    """Every width of both specs."""
    new = slot_widths(after)
    return tuple(
        WidthChange(slot=".".join(map(str, slot)), before=width, after=new[slot])
        for slot, width in slot_widths(before).items()
    )


def compact_tables(report: CompactReport) -> tuple[Table, Table]:
    """The widths level by level, and the costs."""
    widths = Table(title=f"{report.network}, from {report.source}")
    for heading in ("part", "before", "after"):
        widths.add_column(heading, no_wrap=heading == "part")
    parts: dict[str, list[WidthChange]] = {}
    for change in report.widths:
        parts.setdefault(change.slot.rpartition(".")[0], []).append(change)
    for part, changes in parts.items():
        before, after = (
            " ".join(str(getattr(change, when)) for change in changes)
            for when in ("before", "after")
        )
        widths.add_row(part, before, after)
    return widths, _costs(report.before, report.after, report.size)


def _costs(before: Mapping[str, int], after: Mapping[str, int], size: tuple[int, int]) -> Table:
    table = Table(caption=f"MACs of one {size[0]}x{size[1]} frame, bytes in float32")
    for heading in ("", "before", "after", "times less"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for name, value in before.items():
        table.add_row(name, f"{value:,}", f"{after[name]:,}", f"{value / after[name]:.2f}")
    return table
