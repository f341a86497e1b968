"""What LiteRT does with a file on this machine: what XNNPACK takes, and the memory of a frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cdfi_runtime.apart import Send, run_apart
from cdfi_runtime.errors import ArtifactError, first_line
from cdfi_runtime.litert_delegation import Delegation, delegation
from cdfi_runtime.litert_operators import OPERATORS, native_delegate
from cdfi_runtime.memory import peak_bytes

from cdfi_export.quiet import quiet

# What an app may hold before iOS ends it, as developers measured it on an iPhone X: 1392 of 2785
# MiB (stackoverflow.com/questions/5887248); about half of the memory of newer phones too. Android
# has no such figure, but phones of 3 GB are as common there.
PHONE_MIB = 1392

# Why XNNPACK leaves an operator to the interpreter, as far as our graphs meet them.
_REASONS = {
    "EMBEDDING_LOOKUP": "XNNPACK has no lookup",
    "GATHER_ND": "XNNPACK has no lookup",
    "MIRROR_PAD": "XNNPACK pads with constants only",
    "CONCATENATION": "XNNPACK joins five at most",
    "CAST": "to or from indices; XNNPACK has no 32-bit integers",
    "ADD": "of indices",
    "MUL": "of indices",
    "TRANSPOSE": "of indices",
    "RESHAPE": "of indices and of rows that were looked up",
    "LESS": "XNNPACK has no comparison",
    "SELECT": "XNNPACK has no choice",
    "DEQUANTIZE": "weights of the native library's operators, once",
    **dict.fromkeys(OPERATORS, "the native library's"),
}


def placement(content: bytes, *, fused: bool = False) -> Delegation:
    """Load a TFLite file and see which operators XNNPACK takes.

    Args:
        content: The file.
        fused: Native operators are among its own.
    """
    with quiet():
        interpreter = _open(fused, model_content=content)
        interpreter.allocate_tensors()
        return delegation(interpreter._get_ops_details())


def _open(fused: bool, **source: Any) -> Any:
    from ai_edge_litert import interpreter

    delegates = [native_delegate(interpreter)] if fused else None
    return interpreter.Interpreter(**source, num_threads=1, experimental_delegates=delegates)


def peak_mib(path: Path, *, fused: bool = False) -> float | None:
    """Largest resident memory in MiB of a process of its own that runs the file once, one thread.

    ``None`` where the system does not tell it. ``fused``: see :func:`placement`.

    Raises:
        ArtifactError: LiteRT cannot load or run the file.
        ProcessDiedError: it ended the process, mostly for lack of memory.
    """
    peak = run_apart(_run_once, path, fused)
    return None if peak is None else peak / 2**20


def _run_once(_send: Send, path: Path, fused: bool) -> int | None:
    import numpy as np

    try:
        interpreter = _open(fused, model_path=str(path))
        interpreter.allocate_tensors()
        for item in interpreter.get_input_details():
            interpreter.set_tensor(item["index"], np.full(item["shape"], 0.5, item["dtype"]))
        interpreter.invoke()
    except (ValueError, RuntimeError) as error:
        raise ArtifactError(
            "LiteRT cannot run the file",
            expected="one frame on this machine",
            got=first_line(error),
            fix="choose another --warp or a smaller --size",
        ) from error
    return peak_bytes()


def check_memory(peak: float | None, limit: float = PHONE_MIB) -> None:
    """Refuse what a phone cannot hold.

    Raises:
        ArtifactError: ``peak`` is above ``limit``, both in MiB.
    """
    if peak is not None and peak > limit:
        raise ArtifactError(
            "a phone cannot hold this network at this size",
            expected=f"at most {limit:.0f} MiB: what an app may hold on a phone of 3 GB",
            got=f"{peak:.0f} MiB at the peak of a frame, measured here",
            fix="choose a smaller --size; a network of few taps, such as cdfi_mobile, needs less",
        )


def remarks(found: Delegation, peak: float | None) -> tuple[str, ...]:
    """What a user should know of a file before it is put on a phone."""
    left = ", ".join(
        f"{count} {name}" + (f" ({_REASONS[name]})" if name in _REASONS else "")
        for name, count in sorted(found.outside.items())
    )
    sentences = [
        f"XNNPACK takes {found.text} in {found.partitions} partitions; outside: {left or 'none'}",
        "the memory of a frame was not measured: this system does not tell it"
        if peak is None
        else f"a frame on one thread takes {peak:.0f} MiB at the peak, interpreter included",
    ]
    if "EMBEDDING_LOOKUP" in found.outside:
        sentences.append(
            "the GPU delegate's list has no EMBEDDING_LOOKUP: it would leave the warp to the CPU "
            "(not tried on a phone)"
        )
    return tuple(sentences)
