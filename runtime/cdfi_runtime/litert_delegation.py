"""What a LiteRT interpreter has given to its delegate, and what it runs by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cdfi_runtime.litert_operators import OPERATORS

DELEGATE = "DELEGATE"


@dataclass(frozen=True)
class Delegation:
    """Operators by type and number.

    Attributes:
        inside: Those that the delegate runs.
        outside: Those that the interpreter runs one by one.
        partitions: Pieces that the delegate runs; between two of them tensors change hands.
    """

    inside: dict[str, int]
    outside: dict[str, int]
    partitions: int

    @property
    def text(self) -> str:
        """``"N of M operators"``: the delegate's, of all."""
        inside = sum(self.inside.values())
        return f"{inside} of {inside + sum(self.outside.values())} operators"


def delegation(operators: Sequence[Mapping[str, Any]]) -> Delegation:
    """Sort the operators of an interpreter with its tensors allocated.

    The interpreter lists the operators of the file and, behind them, one ``DELEGATE`` for each
    partition, but not what that consists of. A partition's inputs are all that it reads from
    outside, so whatever is met on the way back from its outputs to its inputs lies within. The
    native operators have a delegate of their own, which does not count.

    Args:
        operators: ``_get_ops_details()`` of the interpreter: ``op_name``, ``inputs``, ``outputs``.
    """
    native = {
        int(tensor)
        for item in operators
        if item["op_name"] in OPERATORS
        for tensor in item["outputs"]
    }
    partitions = [
        item
        for item in operators
        if item["op_name"] == DELEGATE and not native.issuperset(map(int, item["outputs"]))
    ]
    plain = [item for item in operators if item["op_name"] != DELEGATE]
    makers = {int(tensor): n for n, item in enumerate(plain) for tensor in item["outputs"]}
    taken: set[int] = set()
    for partition in partitions:
        given = {int(tensor) for tensor in partition["inputs"]}
        open_ends = [int(tensor) for tensor in partition["outputs"]]
        while open_ends:
            tensor = open_ends.pop()
            maker = makers.get(tensor)
            if tensor in given or maker is None or maker in taken:
                continue
            taken.add(maker)
            open_ends += [int(source) for source in plain[maker]["inputs"]]
    inside = Counter(item["op_name"] for n, item in enumerate(plain) if n in taken)
    outside = Counter(item["op_name"] for n, item in enumerate(plain) if n not in taken)
    return Delegation(dict(inside), dict(outside), len(partitions))
