"""What a report says of a process's memory."""

from __future__ import annotations

from cdfi_bench.report import Memory


def memory(before_load: int | None, peak: int | None) -> Memory:
    """The report's section from two readings of :func:`cdfi_runtime.memory.peak_bytes`."""
    values = {"before_load_bytes": before_load, "peak_bytes": peak}
    return Memory(
        before_load_bytes=before_load,
        peak_bytes=peak,
        unmeasured={
            name: "this system does not tell a process its peak memory"
            for name, value in values.items()
            if value is None
        },
    )
