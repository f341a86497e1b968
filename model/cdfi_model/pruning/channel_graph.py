"""Which convolutions of a kernel U-Net share a width, channel by channel.

A *slot* is one width of the spec, such as ``("encoder", 0, 2)``. Convolutions write slots and read
them. Most slots have one writer; the last width of an encoder level is written by the encoder and,
for the sum, by the decoder's upsampling convolution, and a row of GridNet by all blocks in it. The
ends are no slots: 6 channels in, F * F or 1 out of a head, 3 out of the synthesis.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cdfi_runtime.errors import InputError

from cdfi_model.kernel_unet_spec import KernelUNetSpec
from cdfi_model.spec import NetworkSpec

Slot = tuple[str | int, ...]


@dataclass(frozen=True)
class Part:
    """Some of the channels that a convolution reads: those of a slot, or fixed ones (``None``)."""

    slot: Slot | None
    channels: int


@dataclass(frozen=True)
class Convolution:
    """One convolution with all that decides its shape.

    Attributes:
        name: Of the module in the network.
        reads: Its input channels, in their order.
        writes: The slot of its output channels; ``None`` at a fixed end.
        outputs: Their number.
        kernel: Side of the kernel.
        relu: Whether a ReLU follows at once.
    """

    name: str
    reads: tuple[Part, ...]
    writes: Slot | None
    outputs: int
    kernel: int = 3
    relu: bool = False

    @property
    def inputs(self) -> int:
        """Number of input channels."""
        return sum(part.channels for part in self.reads)

    @property
    def weights(self) -> int:
        """Number of weights, without the bias."""
        return self.inputs * self.outputs * self.kernel**2


def require_kernel_unet(spec: NetworkSpec) -> KernelUNetSpec:
    """``spec`` if it is one whose widths can be chosen here.

    Raises:
        InputError: a network of another kind.
    """
    if not isinstance(spec, KernelUNetSpec):
        raise InputError(
            f"the widths of '{spec.name}' cannot be chosen by density",
            expected=f"a network of the kind {KernelUNetSpec.kind}",
            got=spec.kind,
        )
    return spec


def slot_widths(spec: KernelUNetSpec) -> dict[Slot, int]:
    """Every width of ``spec`` by its slot."""
    found: dict[Slot, int] = {}
    for field in ("encoder", "decoder"):
        for level, widths in enumerate(getattr(spec, field)):
            found |= {(field, level, i): width for i, width in enumerate(widths)}
    for field in (*spec.heads, "feature_levels", "synthesis_widths"):
        found |= {(field, i): width for i, width in enumerate(getattr(spec, field))}
    return found


def convolutions(spec: KernelUNetSpec) -> list[Convolution]:
    """All convolutions of ``spec``, in the order of the network's modules."""
    return [*_unet(spec), *_synthesis(spec)]


def _unet(spec: KernelUNetSpec) -> Iterator[Convolution]:
    widths = slot_widths(spec)
    last = [("encoder", level, len(own) - 1) for level, own in enumerate(spec.encoder)]

    def part(slot: Slot) -> tuple[Part, ...]:
        return (Part(slot, widths[slot]),)

    def stack(name: str, reads: tuple[Part, ...], *field: str | int) -> Iterator[Convolution]:
        slots: list[Slot] = [slot for slot in widths if slot[: len(field)] == field]
        for i, slot in enumerate(slots):
            yield Convolution(f"{name}.convs.{i}", reads, slot, widths[slot], relu=True)
            reads = part(slot)

    reads: tuple[Part, ...] = (Part(None, 6),)
    for level in range(len(spec.encoder)):
        yield from stack(f"encoder.{level}", reads, "encoder", level)
        reads = part(last[level])
    for step, own in enumerate(spec.decoder):
        yield from stack(f"decoder.{step}", reads, "decoder", step)
        skip = last[len(spec.encoder) - 1 - step]
        inner: Slot = ("decoder", step, len(own) - 1)
        yield Convolution(f"upsample.{step}.conv", part(inner), skip, widths[skip], relu=True)
        reads = part(skip)
    for head, own in spec.heads.items():
        yield from stack(f"heads.{head}.stack", reads, head)
        ends = part((head, len(own) - 1))
        yield Convolution(f"heads.{head}.out", ends, None, spec.head_outputs(head))
    for level, width in enumerate(spec.feature_levels):
        yield Convolution(
            f"features.{level}", part(last[level]), ("feature_levels", level), width, kernel=1
        )


def _synthesis(spec: KernelUNetSpec) -> Iterator[Convolution]:
    if not spec.synthesis_widths:
        return
    # Both frames, then level by level the features moved by the maps of each frame.
    moved = (Part(("feature_levels", i), width) for i, width in enumerate(spec.feature_levels))
    enter = (Part(None, 6), *(part for feature in moved for part in (feature, feature)))
    rows = [
        Part(("synthesis_widths", row), width) for row, width in enumerate(spec.synthesis_widths)
    ]
    end, half = Part(None, 3), spec.synthesis_columns // 2

    def pair(name: str, reads: tuple[Part, ...], to: Part) -> Iterator[Convolution]:
        yield Convolution(f"{name}.conv0", reads, to.slot, to.channels)
        yield Convolution(f"{name}.conv1", (to,), to.slot, to.channels)

    def lateral(name: str, reads: tuple[Part, ...], to: Part) -> Iterator[Convolution]:
        yield from pair(f"{name}.body", reads, to)
        if sum(part.channels for part in reads) != to.channels:
            yield Convolution(f"{name}.shortcut", reads, to.slot, to.channels)

    yield from lateral("synthesis.enter", enter, rows[0])
    for row, own in enumerate(rows):
        for column in range(spec.synthesis_columns - 1):
            yield from pair(f"synthesis.rows.{row}.{column}.body", (own,), own)
    for row in range(len(rows) - 1):
        for i in range(half):
            yield from pair(f"synthesis.down.{row}.{i}", (rows[row],), rows[row + 1])
    for row in range(len(rows) - 1):
        for i in range(half):
            yield from pair(f"synthesis.up.{row}.{i}.body", (rows[row + 1],), rows[row])
    yield from lateral("synthesis.leave", (rows[0],), end)
