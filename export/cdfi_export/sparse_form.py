"""The sparse form: weights stored without their zeros, in the formats whose runtimes read that.

It is asked for, never the default: it makes files smaller and nothing faster. By ``python -m
cdfi_bench.sparse_table``, compressed_adacof with random zeros, float32, 128x128, one thread of x86
(bytes, peak MiB of loading and one frame, and the time of a frame, as sparse to dense):

    ======  =======  =====  ==========  ====
    format  density  bytes  MiB         time
    ======  =======  =====  ==========  ====
    onnx    0.10     0.30   127 to 120  1.01
    onnx    0.25     0.73   128 to 120  0.99
    ort     0.10     0.21   110 to 110  0.99
    ort     0.25     0.47   110 to 110  1.00
    litert  0.10     0.15   164 to 161  1.00
    coreml  0.25     0.30   not measurable without Core ML
    ======  =======  =====  ==========  ====
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cdfi_runtime.errors import InputError

from cdfi_export.format_spec import FORMATS, FormatSpec

Form = Literal["dense", "sparse"]
# Every network has a few zeros: channels padded for a runtime, filters that shift.
LEAST_SAVED = 0.1
FORMS: tuple[Form, ...] = ("dense", "sparse")


@dataclass(frozen=True)
class Saving:
    """What the sparse form did to an artifact's weights.

    Attributes:
        sparse: Weights that are stored without their zeros.
        dense: Weights that are smaller with them.
        before: Bytes of the sparse ones as dense tensors.
        after: Bytes of them as they are stored, indices or masks included.
        rest: Bytes of the dense ones.
    """

    sparse: int
    dense: int
    before: int
    after: int
    rest: int

    def remark(self, how: str) -> str:
        """A sentence for the manifest; ``how`` the format stores them and its runtime reads them.

        Raises:
            InputError: the weights became hardly smaller.
        """
        saved = (self.before - self.after) / max(self.before + self.rest, 1)
        if saved < LEAST_SAVED:
            raise InputError(
                "this network would hardly be smaller in the sparse form",
                expected=f"at least {LEAST_SAVED:.0%} off the weights, as of a pruned network",
                got=f"{saved:.1%} off; {self.dense} weights are smaller with their zeros",
                fix="leave --form out, or prune the network further",
            )
        return (
            f"{self.sparse} of {self.sparse + self.dense} weights are stored without their zeros, "
            f"{self.before:,} bytes as {self.after:,}: {how}; they are dense once loaded, for "
            "unstructured zeros give size, not speed"
        )


def resolve_form(spec: FormatSpec, precision: str, asked: str) -> Form:
    """The form to write.

    Raises:
        InputError: no such form, or the format has none in ``precision``.
    """
    form = next((known for known in FORMS if known == asked), None)
    if form is None:
        raise InputError(
            "there is no such form of an artifact",
            expected=" or ".join(FORMS),
            got=asked,
            fix="compact networks are networks of their own: export them with their weights",
        )
    if form == "sparse" and precision not in spec.sparse:
        able = [
            f"{item.name} in {' or '.join(item.sparse)}" for item in FORMATS.all() if item.sparse
        ]
        raise InputError(
            f"the format '{spec.name}' has no sparse form in {precision}",
            expected="; ".join(able),
            got=spec.no_sparse,
            fix="leave --form out",
        )
    return form
