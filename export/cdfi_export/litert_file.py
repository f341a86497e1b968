"""The TFLite file: names that people can read, the manifest inside, nothing it cannot run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from cdfi_runtime.errors import ArtifactError, MissingDependencyError
from cdfi_runtime.litert_operators import OPERATORS

from cdfi_export.format_spec import INPUT_NAMES, OUTPUT_NAME

if TYPE_CHECKING:
    from cdfi_runtime.manifest import Manifest

METADATA_KEY = "cdfi_manifest"
SIGNATURE = "interpolate"


def label(content: bytes, manifest: Manifest) -> bytes:
    """Name inputs, output and signature, and embed ``manifest``.

    Raises:
        ArtifactError: the graph has other inputs and outputs than two frames and one.
    """
    schema, model = read_model(content)
    graph = model.subgraphs[0]
    names = dict(zip(_argument_order(model), INPUT_NAMES, strict=True))
    names[int(graph.outputs[0])] = OUTPUT_NAME
    for index, name in names.items():
        graph.tensors[index].name = name.encode()
    signature = model.signatureDefs[0]
    signature.signatureKey = SIGNATURE.encode()
    for entry in (*signature.inputs, *signature.outputs):
        entry.name = names[entry.tensorIndex].encode()
    _embed(model, schema, METADATA_KEY, manifest.model_dump_json().encode())
    return write_model(model, len(content))


def operators(content: bytes) -> dict[str, int]:
    """The operators of a TFLite file by number; native ones under their own names.

    Raises:
        ArtifactError: there is one among them that LiteRT's runtime does not have.
    """
    schema, model = read_model(content)
    names = {
        code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)
    }
    counts: Counter[str] = Counter()
    for graph in model.subgraphs:
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            name = names[max(code.builtinCode, code.deprecatedBuiltinCode)]
            custom = (code.customCode or b"").decode() if name == "CUSTOM" else ""
            counts[custom if custom in OPERATORS else name] += 1
    foreign = sorted(name for name in counts if name.startswith(("STABLEHLO_", "CUSTOM")))
    if foreign:
        raise ArtifactError(
            "the converter left operators in the graph that LiteRT's runtime does not have",
            expected="built-in TFLite operators only",
            got=", ".join(f"{counts[name]} {name}" for name in foreign),
            fix="choose another --warp",
        )
    return dict(counts)


def read_model(content: bytes) -> tuple[Any, Any]:
    """The schema's module, and the file as an object of it that can be edited.

    The quantizer puts large buffers behind the flatbuffer, at offsets in the file that no rewritten
    one would have: they are brought in.
    """
    schema, _ = _libraries()
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    for buffer in model.buffers:
        if buffer.offset > 1:  # 0 and 1 mean that there is none
            end = buffer.offset + buffer.size
            buffer.data = np.frombuffer(content[buffer.offset : end], np.uint8)
            buffer.offset = buffer.size = 0
    return schema, model


def write_model(model: Any, size: int) -> bytes:
    """The file of an edited object; ``size`` is about how many bytes it will have."""
    _, flatbuffers = _libraries()
    builder = flatbuffers.Builder(size)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _libraries() -> tuple[Any, Any]:
    try:
        import flatbuffers
        from ai_edge_litert import schema_py_generated
    except ImportError as error:
        raise MissingDependencyError(
            error.name or "ai_edge_litert", extra="litert", needed_for="the format 'litert'"
        ) from error
    return schema_py_generated, flatbuffers


def _argument_order(model: Any) -> list[int]:
    """Tensors of frame 0 and frame 2, by the names that the trace gave its arguments."""
    entries = {
        entry.name.decode(): int(entry.tensorIndex) for entry in model.signatureDefs[0].inputs
    }
    if sorted(entries) != sorted(INPUT_NAMES) or len(model.subgraphs[0].outputs) != 1:
        raise ArtifactError(
            "the converted graph has other inputs and outputs than two frames and one",
            expected=", ".join(INPUT_NAMES),
            got=", ".join(sorted(entries)),
        )
    return [entries[name] for name in INPUT_NAMES]


def _embed(model: Any, schema: Any, name: str, content: bytes) -> None:
    """Replace the metadata entry ``name``; further ones stay."""
    model.metadata = [item for item in model.metadata or [] if item.name != name.encode()]
    buffer = schema.BufferT()
    buffer.data = list(content)
    model.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = name.encode(), len(model.buffers) - 1
    model.metadata.append(entry)
