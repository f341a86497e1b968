"""Operators of torch that coremltools has no converter for, written with those of MIL.

Importing this module registers them.
"""

from __future__ import annotations

from typing import Any

from coremltools.converters.mil import Builder
from coremltools.converters.mil.frontend.torch.ops import _get_inputs
from coremltools.converters.mil.frontend.torch.torch_op_registry import register_torch_op


def trunc(context: Any, node: Any) -> None:
    """Towards zero: the sign times the floor of the magnitude."""
    (x,) = _get_inputs(context, node, expected=1)
    whole = Builder.floor(x=Builder.abs(x=x))
    context.add(Builder.mul(x=Builder.sign(x=x), y=whole, name=node.name))


def alias(context: Any, node: Any) -> None:
    """The tensor itself."""
    (x,) = _get_inputs(context, node, expected=1)
    context.add(Builder.identity(x=x, name=node.name))


for _function in (trunc, alias):
    register_torch_op(_function, override=True)
