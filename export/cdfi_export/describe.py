"""The manifest of an artifact, before and after the file exists."""

from __future__ import annotations

import json
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cdfi_runtime.command import distribution_version
from cdfi_runtime.errors import MissingDependencyError
from cdfi_runtime.files import artifact_bytes, sha256_artifact
from cdfi_runtime.manifest import (
    IMAGE,
    ArtifactInfo,
    GraphInfo,
    Manifest,
    NetworkInfo,
    PaddingInfo,
    SizeInfo,
    TensorInfo,
    WarpInfo,
)

from cdfi_export.format_spec import INPUT_NAMES, OUTPUT_NAME, FormatSpec, WrittenGraph
from cdfi_export.frame_size import TYPICAL_SIZE, FrameSize
from cdfi_export.plan import Plan
from cdfi_export.source import Source

UNKNOWN_SHA256 = "0" * 64


def draft_manifest(source: Source, plan: Plan) -> Manifest:
    """All that is known before the file exists; hash and length are placeholders.

    Args:
        source: The network, with its warp formulation already set.
        plan: What is to be made of it.
    """
    from cdfi_model.cost import count_macs

    network, warp = source.network, source.network.spec.warp
    spec, size = plan.format, plan.size
    counted = size or TYPICAL_SIZE
    return Manifest(
        network=NetworkInfo(
            name=network.spec.name,
            # By way of JSON, so that tuples compare equal to what a reader finds.
            spec=json.loads(json.dumps(network.spec.to_json())),
            weights_sha256=source.weights_sha256,
            parameters=network.count_parameters(),
            macs=count_macs(network, counted.height, counted.width),
            macs_size=(counted.width, counted.height),
        ),
        artifact=ArtifactInfo(
            file=plan.file,
            sha256=UNKNOWN_SHA256,
            bytes=1,
            format=spec.name,
            form=plan.form,
            precision=plan.precision,
            opset=plan.opset,
            portable=plan.portable,
        ),
        warp=WarpInfo(
            formulation=network.formulation,
            sampling=warp.sampling,
            offsets=warp.offsets,
            taps=warp.taps,
            dilation=warp.dilation,
        ),
        inputs=tuple(_tensor(name, spec, size, plan.images) for name in INPUT_NAMES),
        outputs=(_tensor(OUTPUT_NAME, spec, size, plan.images),),
        size=SizeInfo(
            dynamic=size is None,
            width=size.width if size else None,
            height=size.height if size else None,
        ),
        padding=PaddingInfo(multiple=network.spec.multiple),
        tiling=network.spec.tiling,
        tools=tool_versions(spec),
    )


def complete(draft: Manifest, written: WrittenGraph, artifact: Path) -> Manifest:
    """``draft`` with the graph's operators and the hash and length of the written file."""
    facts = {"sha256": sha256_artifact(artifact), "bytes": artifact_bytes(artifact)}
    graph = GraphInfo(operators=dict(sorted(written.operators.items())), remarks=written.remarks)
    return draft.model_copy(
        update={"artifact": draft.artifact.model_copy(update=facts), "graph": graph}
    )


def tool_versions(spec: FormatSpec) -> dict[str, str]:
    """Version by distribution of all that shapes the artifact.

    Raises:
        MissingDependencyError: a package of the format is not installed.
    """
    versions = {"cdfi-mobile": distribution_version(), "python": platform.python_version()}
    for package in spec.packages:
        try:
            versions[package] = version(package)
        except PackageNotFoundError as error:
            raise MissingDependencyError(
                package, extra=spec.extra, needed_for=f"the format '{spec.name}'"
            ) from error
    return versions


def _tensor(name: str, spec: FormatSpec, size: FrameSize | None, images: bool) -> TensorInfo:
    plane: tuple[int | str, ...] = (size.height, size.width) if size else ("height", "width")
    shape = (1, 3, *plane) if spec.layout == "NCHW" else (1, *plane, 3)
    if images:
        return TensorInfo(
            name=name, layout=spec.layout, dtype=IMAGE, shape=shape, value_range=(0.0, 255.0)
        )
    return TensorInfo(name=name, layout=spec.layout, shape=shape)
