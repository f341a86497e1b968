"""What stands in the cells of a report's table: figures as text, without their marks."""

from __future__ import annotations

from collections.abc import Callable

from cdfi_runtime.runtimes import AUTO

from cdfi_bench.report import Row

NOTHING = "-"


def parity_cell(field: str, form: str) -> Callable[[Row], str]:
    """A figure of the parity section; ``equal`` where it is infinite."""

    def cell(row: Row) -> str:
        return NOTHING if row.parity is None else _format(getattr(row.parity, field), form, "equal")

    return cell


def quality_cell(field: str, form: str) -> Callable[[Row], str]:
    """A figure of the quality section."""

    def cell(row: Row) -> str:
        return NOTHING if row.quality is None else _format(getattr(row.quality, field), form)

    return cell


def time_cell(field: str) -> Callable[[Row], str]:
    """A time of the burst in milliseconds."""

    def cell(row: Row) -> str:
        value = None if row.timing is None else getattr(row.timing, field)
        return NOTHING if value is None else milliseconds(value)

    return cell


def milliseconds(seconds: float) -> str:
    """Seconds as milliseconds, to a tenth and at least three digits."""
    value = 1e3 * seconds
    return f"{value:.1f}" if value >= 10 else f"{value:.3g}"


def end_to_end(row: Row) -> str:
    """Median of frames to picture, in milliseconds."""
    if row.timing is None or row.timing.end_to_end is None:
        return NOTHING
    return milliseconds(row.timing.end_to_end.median_s)


def ratio(row: Row) -> str:
    """Times the reference."""
    return NOTHING if row.timing is None else _format(row.timing.ratio, ".2f")


def slowdown(row: Row) -> str:
    """Of the sustained phase."""
    if row.timing is None or row.timing.sustained is None:
        return NOTHING
    return f"{row.timing.sustained.slowdown:.2f}"


def runs(row: Row) -> str:
    """Raw samples of the burst, of those planned."""
    if row.timing is None:
        return NOTHING
    measured, planned = len(row.timing.samples_s), row.timing.planned_runs
    return str(measured) if measured == planned else f"{measured} of {planned}"


def _format(value: float | None, form: str, missing: str = NOTHING) -> str:
    return missing if value is None else format(value, form)


def images(row: Row) -> str:
    """The image set and its size."""
    return NOTHING if row.input is None else f"{row.input.image_set} ({row.input.images})"


def sizes(row: Row) -> str:
    """Sizes of the frames."""
    if row.input is None:
        return NOTHING
    return ", ".join(f"{width}x{height}" for width, height in row.input.sizes)


def backend(row: Row) -> str:
    """The runtime and its version."""
    return NOTHING if row.backend is None else f"{row.backend.runtime} {row.backend.version}"


def device(row: Row) -> str:
    """The device's name."""
    return NOTHING if row.device is None else row.device.name


def runs_on(row: Row) -> str:
    """Runtime, accelerator (and the one asked for, if another) and threads."""
    backend = row.backend
    if backend is None:
        return NOTHING
    parts = [f"{backend.runtime} {backend.version}", backend.accelerator_actual]
    if backend.accelerator_requested not in (AUTO, backend.accelerator_actual):
        parts[-1] += f" instead of {backend.accelerator_requested}"
    if backend.threads is not None:
        parts.append(threads_text(backend.threads))
    return ", ".join(parts)


def peak(row: Row) -> str:
    """Peak memory in MiB."""
    if row.memory is None or row.memory.peak_bytes is None:
        return NOTHING
    return f"{row.memory.peak_bytes / 2**20:.0f}"


def described(row: Row) -> str:
    """Where a row was measured, in words: device, size and what ran it; for lists and charts."""
    parts = (device(row), sizes(row), runs_on(row))
    return ", ".join(part for part in parts if part != NOTHING)


def stable_name(row: Row) -> str:
    """What a row is about, in words that stay the same from commit to commit: no versions."""
    name, backend = row.subject, row.backend
    if row.input is not None and row.timing is not None:
        name += f" {sizes(row)}"
    elif row.input is not None:
        name += f" on {row.input.image_set}"
    ran = []
    if row.timing is not None and backend is not None:
        ran = [backend.runtime, backend.accelerator_actual]
        ran += [] if backend.threads is None else [threads_text(backend.threads)]
    if row.device is not None:
        name += f" on {row.device.name}"
    return f"{name} ({', '.join(ran)})" if ran else name


def threads_text(threads: int) -> str:
    """``1 thread``."""
    return f"{threads} {'thread' if threads == 1 else 'threads'}"
