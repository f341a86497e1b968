"""What must hold of a Core ML program before it is written: positions and indices are exact."""

from __future__ import annotations

from typing import Any

from cdfi_runtime.errors import ArtifactError

from cdfi_export import coreml_trace

# Data types of the specification's MIL.DataType, by the names that MIL gives them.
_NAMES = {10: "fp16", 11: "fp32", 12: "fp64", 21: "int8", 22: "int16", 23: "int32", 31: "uint8"}
_EXACT = {"resample": ("coordinates", "fp32"), "gather": ("indices", "int32")}


def operations(model: Any) -> list[Any]:
    """The operations of the specification that is saved, constants too."""
    (block,) = model.get_spec().mlProgram.functions["main"].block_specializations.values()
    return list(block.operations)


def check_positions(model: Any) -> None:
    """Refuse a program that computes sampling positions or indices in less than they need.

    Half precision is for what :data:`cdfi_export.coreml_trace.HALF` names, and for weights.

    Raises:
        ArtifactError: an operator does; it is named.
    """
    half = coreml_trace.HALF
    kinds: dict[str, str] = {}
    for operation in operations(model):
        for output in operation.outputs:
            number = output.type.tensorType.dataType
            kinds[output.name] = _NAMES.get(number, str(number))
    for operation in operations(model):
        if operation.type in _EXACT:
            name, wanted = _EXACT[operation.type]
            source = operation.inputs[name].arguments[0]
            kind = kinds.get(source.name, wanted if source.HasField("value") else "an input")
            if kind != wanted:
                raise ArtifactError(
                    "the converter rounded sampling positions",
                    expected=f"{wanted} {name} in every {operation.type}",
                    got=f"{kind} in {operation.outputs[0].name}",
                )
        free = operation.type in half or operation.type.startswith(("cast", "const"))
        if not free and any(kinds[output.name] == "fp16" for output in operation.outputs):
            raise ArtifactError(
                "the converter lowered the precision of an operator that needs it",
                expected=f"half precision in {', '.join(half)} only",
                got=f"fp16 in {operation.type} {operation.outputs[0].name}",
            )
