"""Which formulation ``--warp auto`` takes: the quickest measured one, with the reason."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cdfi_model.spec import NetworkSpec
from cdfi_model.warp import WARPS
from cdfi_model.warp.measurements import MeasuredRow, MeasuredTable, load_measurements

# Without a fitting measurement. In ONNX Runtime one node for all taps is ahead, then the gather,
# which truncates at no extra cost; elsewhere grid_sample is what every backend has.
ONNX_ORDER = ("unfold", "lookup", "deform_conv", "gather", "per_row", "per_tap")
OTHER_ORDER = ("unfold", "lookup", "per_tap", "per_row", "gather")


@dataclass(frozen=True)
class Choice:
    """A formulation's name and, in words, why it was chosen."""

    name: str
    reason: str


def choose_formulation(
    spec: NetworkSpec,
    *,
    target: str,
    width: int,
    height: int,
    opset: int | None,
    table: MeasuredTable | None = None,
    prefer: Sequence[str] = (),
) -> Choice:
    """The quickest formulation that the network's sampling and the opset allow.

    Rows of the same network and target count first, else those of networks whose warp has the
    same sampling, taps and channels; of these, the rows of the nearest measured frame area.

    Args:
        spec: The network.
        target: As in the table, e.g. ``onnxruntime-cpu`` or ``torch-cpu``.
        width: Frame size in pixels, as ``height``.
        opset: ONNX opset, or ``None`` where the graph is not ONNX.
        table: Measurements; those that travel with the package by default.
        prefer: Formulations that go before the default order where nothing was measured.
    """
    allowed = allowed_formulations(spec, opset, prefer)
    rows = [
        row
        for row in (table or load_measurements()).rows
        if row.target == target
        and row.formulation in allowed
        and (row.sampling, row.taps) == (spec.warp.sampling, spec.warp.taps)
        and row.offsets == spec.warp.offsets
        and row.channels == spec.warp_channels
    ]
    own = [row for row in rows if (row.network, row.dilation) == (spec.name, spec.warp.dilation)]
    group = _nearest_size(own or rows, width * height)
    if not group:
        return Choice(
            allowed[0], f"{spec.name} or its like was not measured on {target}: the default order"
        )
    best = min(group, key=lambda row: (row.median_s, row.peak_mib or math.inf))
    return Choice(best.formulation, _reason(best, len({row.formulation for row in group})))


def allowed_formulations(
    spec: NetworkSpec, opset: int | None, prefer: Sequence[str] = ()
) -> tuple[str, ...]:
    """Formulations that can be written, in the default order; further ones come last by name.

    Native ones are never among them: not every machine that opens a file has their library.
    """
    order = (*prefer, *(OTHER_ORDER if opset is None else ONNX_ORDER))
    names = [
        item.name
        for item in WARPS.all()
        if item.fits(spec.warp)
        and not item.native
        and (not item.onnx_only if opset is None else opset >= item.min_opset)
    ]
    known = [name for name in dict.fromkeys(order) if name in names]
    return (*known, *(name for name in names if name not in known))


def _nearest_size(rows: list[MeasuredRow], pixels: int) -> list[MeasuredRow]:
    """The rows of one network at the one size whose area is nearest in proportion."""

    def distance(row: MeasuredRow) -> tuple[float, str, int]:
        return abs(math.log(row.width * row.height / pixels)), row.network, row.width

    nearest = min(rows, key=distance, default=None)
    return [] if nearest is None else [row for row in rows if distance(row) == distance(nearest)]


def _reason(best: MeasuredRow, count: int) -> str:
    return (
        f"quickest of {count} measured on {best.target} for {best.network} "
        f"at {best.width}x{best.height}: {best.median_s:.3g} s a frame"
    )
