"""The sparse form: weights stored without their zeros, in the formats whose runtimes read that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cdfi_runtime.errors import InputError

from cdfi_export.format_spec import FORMATS, FormatSpec

Form = Literal["dense", "sparse"]
FORMS: tuple[Form, ...] = ("dense", "sparse")


@dataclass(frozen=True)
class Saving:
    """What the sparse form did to an artifact's weights.

    Attributes:
        sparse: Weights that are stored without their zeros.
        dense: Weights that are smaller with them.
        before: Bytes of the sparse ones as dense tensors.
        after: Bytes of them as they are stored, indices or masks included.
    """

    sparse: int
    dense: int
    before: int
    after: int

    def remark(self, how: str) -> str:
        """A sentence for the manifest; ``how`` the format stores them and its runtime reads them.

        Raises:
            InputError: nothing became smaller.
        """
        if not self.sparse:
            raise InputError(
                "no weight of this network is smaller in the sparse form",
                expected="a pruned network, most of whose weights are zero",
                got=f"{self.dense} weights that are smaller with their zeros",
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
