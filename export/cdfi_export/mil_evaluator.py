"""A small evaluator of Core ML programs, for machines without Core ML.

It computes a saved ML Program operator by operator with torch, so that a conversion can be held
against the network's own frames anywhere. It is not Apple's runtime: it says whether the program is
right, not how a phone rounds. An operator it does not know is an error, never a guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cdfi_runtime.errors import ArtifactError, InputError, MissingDependencyError, first_line
from torch import Tensor

from cdfi_export.mil_operators import OPERATORS, TYPES
from cdfi_export.quiet import quiet

Values = dict[str, Any]


def load_program(path: Path) -> Any:
    """The MIL program that ``path``, a ``.mlpackage``, holds.

    Raises:
        ArtifactError: it is no ML Program.
        MissingDependencyError: coremltools is not installed.
    """
    try:
        with quiet():
            import coremltools
            from coremltools.converters.mil.frontend.milproto.load import load
    except ImportError as error:
        raise MissingDependencyError(
            "coremltools", extra="coreml", needed_for="reading a Core ML program"
        ) from error
    try:
        model = coremltools.models.MLModel(str(path), skip_model_load=True)
        spec = model.get_spec()
        return load(spec, spec.specificationVersion, file_weights_dir=model.weights_dir)
    except Exception as error:  # whatever a broken package does to the loader
        raise ArtifactError(
            f"{path.name} is no Core ML program",
            expected="a complete .mlpackage with an ML Program",
            got=first_line(error),
            fix="copy or export it again",
        ) from error


@torch.no_grad()
def evaluate(program: Any, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Run the program's main function.

    Raises:
        InputError: an input is missing or has another shape.
        ArtifactError: an operator that is not known here.
    """
    function = program.functions["main"]
    values: Values = {}
    for name, variable in function.inputs.items():
        got = tuple(inputs[name].shape) if name in inputs else None
        if got is None or not _fits(got, variable.shape):
            raise InputError(
                f"the program's input '{name}' does not fit",
                expected=str(tuple(variable.shape)),
                got=str(got or "nothing"),
            )
        values[variable.name] = inputs[name].to(_dtype(variable))
    for operation in function.operations:
        _run(operation, values)
    return {variable.name: values[variable.name] for variable in function.outputs}


def _fits(got: tuple[int, ...], declared: Sequence[Any]) -> bool:
    """Whether a shape is the declared one, where symbols stand for any length."""
    return len(got) == len(declared) and all(
        length == side for length, side in zip(got, declared, strict=True) if isinstance(side, int)
    )


def _run(operation: Any, values: Values) -> None:
    kind = operation.op_type
    if kind == "const":
        return  # read where it is used
    known = OPERATORS.get(kind)
    if known is None:
        raise ArtifactError(
            f"the program uses the operator '{kind}', which the evaluator does not know",
            expected=", ".join(sorted(OPERATORS)),
            got=f"{kind} ({operation.name})",
            fix="check this artifact with Core ML itself, on macOS",
        )
    arguments = {name: _value(item, values) for name, item in operation.inputs.items()}
    results = known(**arguments)
    if not isinstance(results, tuple | list):
        results = [results]
    for variable, result in zip(operation.outputs, results, strict=True):
        # Each operator rounds to the type that the program declares: half precision shows here.
        values[variable.name] = result.to(_dtype(variable))


def _value(item: Any, values: Values) -> Any:
    if isinstance(item, tuple | list):
        return [_value(part, values) for part in item]
    if item.name in values:
        return values[item.name]
    constant = item.val
    if isinstance(constant, np.ndarray):
        wide = constant.dtype == np.uint32  # shapes, which torch would not compute with
        return torch.from_numpy(np.array(constant, np.int64 if wide else None))
    return constant.item() if isinstance(constant, np.generic) else constant


def _dtype(variable: Any) -> torch.dtype:
    from coremltools.converters.mil.mil import types

    return TYPES[types.builtin_to_string(variable.dtype)]
