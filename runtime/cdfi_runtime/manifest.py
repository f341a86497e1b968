"""The manifest beside every artifact: all that a runtime or a report must know about it.

The JSON schema of :class:`Manifest` is published as ``schemas/manifest.schema.json``. Readers
refuse a ``schema_version`` they do not know.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cdfi_runtime.errors import ArtifactError
from cdfi_runtime.files import require_artifact, require_file, sha256_artifact, write_text

SCHEMA_VERSION = 1
MANIFEST_SUFFIX = ".manifest.json"
IMAGE = "image"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NetworkInfo(_Strict):
    """Which network, exactly: ``spec`` rebuilds it, ``weights_sha256`` names its weights."""

    name: str
    spec: dict[str, Any]
    weights_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    parameters: int = Field(ge=0)
    macs: int | None = Field(
        default=None, description="multiply-accumulates of one frame at macs_size"
    )
    macs_size: tuple[int, int] | None = Field(default=None, description="[width, height]")


class ArtifactInfo(_Strict):
    """The file itself."""

    file: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    bytes: int = Field(gt=0)
    format: str
    form: Literal["dense", "compact", "sparse"] = Field(
        default="dense",
        description="compact: dense weights of a network that was narrowed after pruning; sparse: "
        "stored without their zeros",
    )
    precision: str = "float32"
    opset: int | None = None
    portable: str | None = Field(
        default=None,
        description="file beside it that computes the same without the native library; null where "
        "none is needed",
    )


class WarpInfo(_Strict):
    """How the adaptive collaboration of flows is written in this artifact."""

    formulation: str
    sampling: Literal["truncate", "bilinear"]
    offsets: Literal["per_tap", "shared"] | None = Field(
        default=None, description="null in manifests older than this field"
    )
    taps: int = Field(ge=1, description="F: taps on one side of the F x F kernel")
    dilation: int = Field(ge=1)


class GraphInfo(_Strict):
    """What the graph consists of, as the exporter saw it when it wrote the file."""

    operators: dict[str, int] = Field(
        default_factory=dict, description="nodes by operator type; empty if not counted"
    )
    remarks: tuple[str, ...] = Field(
        default=(),
        description="what a user should know: layers kept in a wider precision and why, operators "
        "that a delegate leaves to the CPU",
    )


class TensorInfo(_Strict):
    """One graph input or output. A dynamic axis is named, a fixed one is a number."""

    name: str
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    dtype: str = Field(
        default="float32",
        description="image: an 8-bit RGB image of the platform, e.g. a CVPixelBuffer; the shape is "
        "then that of the graph behind it",
    )
    shape: tuple[int | str, ...]
    value_range: tuple[float, float] = (0.0, 1.0)


class SizeInfo(_Strict):
    """Frame size of the graph in pixels; ``None`` on both sides when dynamic."""

    dynamic: bool
    width: int | None = None
    height: int | None = None


class PaddingInfo(_Strict):
    """What a runtime adds at the bottom and right before the graph, and crops after it."""

    multiple: int = Field(default=32, ge=1)
    mode: Literal["reflect", "replicate"] = "reflect"
    align: Literal["bottom_right"] = "bottom_right"


class TilingInfo(_Strict):
    """How a large frame may be cut into overlapping tiles that start at multiples of the padding's.

    Exactness is up to rounding, and for motion that does not lead out of a tile.
    """

    halo: int = Field(ge=0, description="context in pixels on each side of what is taken of a tile")
    exact: bool = Field(
        default=False, description="whether tiles with this halo give what the whole frame does"
    )


class ParityResult(_Strict):
    """The artifact against a reference implementation on one image set.

    Differences are in the unit of ``value_range`` before rounding; ``psnr_db`` is ``None`` with a
    ``reason`` when the outputs are identical (it would be infinite).
    """

    image_set: str
    pairs: int
    reference: str
    runtime: str
    width: int
    height: int
    max_abs: float
    p99_9: float
    psnr_db: float | None
    data_range: float = 1.0
    ssim: float | None
    max_abs_limit: float | None
    psnr_limit_db: float | None
    lost_db: float | None = Field(
        default=None,
        description="mean loss of PSNR against the true frames, 8-bit; null without any",
    )
    lost_limit_db: float | None = None
    verdict: Literal["pass", "fail"]
    reason: str | None = None


class Manifest(_Strict):
    """Everything about one artifact. Shapes are ``(batch, channels, height, width)``."""

    schema_version: Literal[1] = 1
    network: NetworkInfo
    artifact: ArtifactInfo
    warp: WarpInfo
    graph: GraphInfo = GraphInfo()
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    size: SizeInfo
    padding: PaddingInfo
    tiling: TilingInfo | None = Field(
        default=None, description="null in manifests older than this field"
    )
    time_step: float = Field(default=0.5, ge=0.5, le=0.5, description="the middle only")
    tools: dict[str, str] = Field(default_factory=dict, description="version by package")
    parity: tuple[ParityResult, ...] = ()

    def save(self, artifact: Path) -> Path:
        """Write this manifest beside ``artifact`` and return the manifest's path."""
        path = manifest_path(artifact)
        write_text(path, self.model_dump_json(indent=2) + "\n")
        return path


def manifest_path(artifact: Path) -> Path:
    """Where the manifest of ``artifact`` lies."""
    return artifact.with_name(artifact.name + MANIFEST_SUFFIX)


def parse_manifest(text: str, source: str) -> Manifest:
    """A manifest from JSON text; ``source`` names it in errors.

    Raises:
        ArtifactError: no JSON, another schema version, or fields that do not fit.
    """
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise ArtifactError(
            f"the manifest {source} is no JSON",
            got=str(error),
            fix="export the artifact again with cdfi-export",
        ) from error
    version = raw.get("schema_version") if isinstance(raw, dict) else None
    if version != SCHEMA_VERSION:
        raise ArtifactError(
            f"the manifest {source} has another schema version",
            expected=str(SCHEMA_VERSION),
            got=str(version),
            fix="use the cdfi-mobile release that wrote it, or export the artifact again",
        )
    try:
        return Manifest.model_validate(raw)
    except ValidationError as error:
        details = "; ".join(
            f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
            for item in error.errors()
        )
        raise ArtifactError(
            f"the manifest {source} does not fit its schema",
            got=details,
            fix="export the artifact again with cdfi-export",
        ) from error


def read_manifest(artifact: Path) -> Manifest:
    """The manifest beside ``artifact``, without a look at the artifact itself.

    Raises:
        InputError: the manifest is missing or empty.
        ArtifactError: the manifest is broken.
    """
    path = require_file(manifest_path(artifact), "the artifact's manifest")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ArtifactError(f"the manifest {path.name} is no UTF-8 text", got=str(error)) from error
    return parse_manifest(text, path.name)


def load_manifest(artifact: Path) -> Manifest:
    """The manifest beside ``artifact``, checked against the artifact's bytes.

    Raises:
        InputError: the artifact or its manifest is missing or empty.
        ArtifactError: the manifest is broken, or its hash is not the artifact's.
    """
    require_artifact(artifact, "the artifact")
    manifest = read_manifest(artifact)
    actual = sha256_artifact(artifact)
    if actual != manifest.artifact.sha256:
        raise ArtifactError(
            f"{artifact.name} is not the file its manifest describes",
            expected=f"sha256 {manifest.artifact.sha256}",
            got=f"sha256 {actual}",
            fix="copy the artifact together with its manifest, or export it again",
        )
    return manifest


def manifest_schema() -> str:
    """The JSON schema of :class:`Manifest` as text, ready to be written out."""
    return json.dumps(Manifest.model_json_schema(), indent=2, sort_keys=True) + "\n"
