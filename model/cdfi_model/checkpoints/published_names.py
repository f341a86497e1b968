"""Which tensor of a published checkpoint is which of ours.

| ours | published, after ``get_kernel.module`` |
|---|---|
| ``encoder.{level}.convs.{i}`` | ``Conv{level + 1}.{2 * i}`` |
| ``decoder.{j}.convs.{i}`` | ``Deconv{levels - j}.{2 * i}`` |
| ``upsample.{j}.conv`` | ``Upsample{levels - j}.1`` |
| ``heads.weight0.stack.convs.{i}`` | ``Weight1.{2 * i}`` |
| ``heads.weight0.out`` after n convolutions | ``Weight1.{2 * n + 1}`` |
| ``features.{level}`` | ``1by1_{level + 1}`` |

| ours | published, after ``context_synthesis.`` |
|---|---|
| ``synthesis.enter``, ``synthesis.leave`` | ``lateral_init``, ``lateral_final`` |
| ``synthesis.rows.{row}.{column}`` | ``lateral_{row}_{column}`` |
| ``synthesis.down.{row}.{i}`` | ``down_{row}_{i}`` |
| ``synthesis.up.{row}.{i}`` | ``up_{row}_{i}`` |

Published frames are numbered 1 and 2, ours 0 and 2. The gaps in the published indices are ReLU
and upsampling layers, which hold no tensors.
"""

from __future__ import annotations

from collections.abc import Iterator

from cdfi_model.kernel_unet_spec import KernelUNetSpec

_HEADS = {
    "weight0": "Weight1",
    "alpha0": "Alpha1",
    "beta0": "Beta1",
    "weight2": "Weight2",
    "alpha2": "Alpha2",
    "beta2": "Beta2",
    "occlusion": "Occlusion",
    "blend": "Blend",
}


def published_names(spec: KernelUNetSpec) -> dict[str, str]:
    """Our tensor name to the published one, in the order of the published state dict."""
    return dict([*_kernel_tensors(spec), *_synthesis_tensors(spec)])


def _tensors(ours: str, published: str) -> Iterator[tuple[str, str]]:
    for part in ("weight", "bias"):
        yield f"{ours}.{part}", f"{published}.{part}"


def _stack(ours: str, published: str, count: int) -> Iterator[tuple[str, str]]:
    for i in range(count):
        yield from _tensors(f"{ours}.convs.{i}", f"{published}.{2 * i}")


def _kernel_tensors(spec: KernelUNetSpec) -> Iterator[tuple[str, str]]:
    prefix, levels = "get_kernel.module", len(spec.encoder)
    for level in range(len(spec.feature_levels)):
        yield from _tensors(f"features.{level}", f"{prefix}1by1_{level + 1}")
    for level, widths in enumerate(spec.encoder):
        yield from _stack(f"encoder.{level}", f"{prefix}Conv{level + 1}", len(widths))
    for step, widths in enumerate(spec.decoder):
        yield from _stack(f"decoder.{step}", f"{prefix}Deconv{levels - step}", len(widths))
        yield from _tensors(f"upsample.{step}.conv", f"{prefix}Upsample{levels - step}.1")
    for head, widths in spec.heads.items():
        name = prefix + _HEADS[head]
        yield from _stack(f"heads.{head}.stack", name, len(widths))
        yield from _tensors(f"heads.{head}.out", f"{name}.{2 * len(widths) + 1}")


def _block(ours: str, published: str, first: int = 0) -> Iterator[tuple[str, str]]:
    """A PReLU-convolution pair; ``first`` is where its layers start in the published Sequential."""
    for i in (0, 1):
        yield f"{ours}.act{i}.weight", f"{published}.f.{first + 2 * i}.weight"
        yield from _tensors(f"{ours}.conv{i}", f"{published}.f.{first + 2 * i + 1}")


def _synthesis_tensors(spec: KernelUNetSpec) -> Iterator[tuple[str, str]]:
    if not spec.synthesis_widths:
        return
    ours, published = "synthesis", "context_synthesis"
    rows, columns = len(spec.synthesis_widths), spec.synthesis_columns
    yield from _end(f"{ours}.enter", f"{published}.lateral_init")
    for row in range(rows):
        for column in range(columns - 1):
            name = f"{published}.lateral_{row}_{column}"
            yield from _block(f"{ours}.rows.{row}.{column}.body", name)
    for row in range(rows - 1):
        for i in range(columns // 2):
            yield from _block(f"{ours}.down.{row}.{i}", f"{published}.down_{row}_{i}")
    for row in range(rows - 1):
        for i in range(columns // 2):
            # An upsampling layer comes first in the published Sequential.
            yield from _block(f"{ours}.up.{row}.{i}.body", f"{published}.up_{row}_{i}", first=1)
    yield from _end(f"{ours}.leave", f"{published}.lateral_final")


def _end(ours: str, published: str) -> Iterator[tuple[str, str]]:
    """The first and last block, whose widths differ, so that they have a shortcut."""
    yield from _block(f"{ours}.body", published)
    yield from _tensors(f"{ours}.shortcut", f"{published}.conv")
