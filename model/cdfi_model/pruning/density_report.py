"""The report of layer densities, as JSON and CSV. Importing this loads no torch."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Any, Literal

from cdfi_runtime.errors import ArtifactError
from cdfi_runtime.files import require_file
from pydantic import BaseModel, ConfigDict, Field, ValidationError

DENSITY_SCHEMA_VERSION = 1


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LayerDensity(_Strict):
    """One convolution; biases count as parameters and bytes, not in the density."""

    name: str = Field(description="name of the module in our networks")
    published: str | None = Field(description="its name in the published code, if it is in it")
    density: float = Field(ge=0, le=1, description="non-zero weights / weights")
    inputs: int = Field(gt=0, description="input channels (In)")
    outputs: int = Field(gt=0, description="output channels (Out)")
    inputs_kept: int = Field(ge=0, description="int(sqrt(density) * In) (In')")
    outputs_kept: int = Field(ge=0, description="int(sqrt(density) * Out) (Out')")
    kernel: int = Field(gt=0, description="side of the kernel")
    weights: int = Field(gt=0)
    nonzero: int = Field(ge=0)
    macs: int = Field(ge=0, description="multiply-accumulates of one frame of the report's size")
    macs_share: float = Field(ge=0, le=1, description="of the macs of all layers")
    bytes: int = Field(ge=0, description="of weights and bias; 0 where shared_with counts them")
    bytes_share: float = Field(ge=0, le=1, description="of the bytes of all parameters")
    shared_with: str | None = Field(
        description="an earlier layer with the same weights, which are counted there"
    )


class DensityReport(_Strict):
    """Densities of all convolutions of a network.

    The totals count shared weights once. ``parameters`` and ``bytes`` hold all parameters of the
    network, ``weights`` and ``nonzero`` those of the layers' kernels.
    """

    schema_version: Literal[1] = 1
    network: str
    spec: dict[str, Any]
    source: str = Field(description="name of the weights file")
    sha256: str | None = Field(description="of that file; null for a network in memory")
    size: tuple[int, int] = Field(description="[width, height] of the frame that macs are of")
    layers: tuple[LayerDensity, ...]
    weights: int = Field(ge=0)
    nonzero: int = Field(ge=0)
    density: float = Field(ge=0, le=1)
    parameters: int = Field(gt=0)
    bytes: int = Field(gt=0)
    macs: int = Field(ge=0, description="of the layers; warping and matching are not in it")


def kept_channels(density: float, channels: int) -> int:
    """``int(sqrt(density) * channels)``, the formula of the CDFI paper's long version."""
    return math.floor(math.sqrt(density) * channels + 1e-9)  # sqrt((13 / 15)**2) * 15 is 12.99...


def density_csv(report: DensityReport) -> str:
    """One line for each layer, with the names of the JSON fields as heading."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(LayerDensity.model_fields), lineterminator="\n")
    writer.writeheader()
    writer.writerows(layer.model_dump() for layer in report.layers)
    return out.getvalue()


def read_density_json(path: Path) -> DensityReport:
    """The report in ``path``.

    Raises:
        InputError: missing or empty.
        ArtifactError: not a density report of a version that is known here.
    """
    require_file(path, "the density report")
    try:
        return DensityReport.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        raise ArtifactError(
            f"{path.name} is no density report",
            expected=f"JSON of cdfi-model density, schema version {DENSITY_SCHEMA_VERSION}",
            got=f"{'.'.join(map(str, first['loc']))}: {first['msg']}",
            fix="make it with cdfi-model density WEIGHTS --json FILE",
        ) from error


def read_density_csv(path: Path) -> dict[str, float]:
    """Densities by layer from a CSV with the columns ``name`` and ``density``, and any others.

    Raises:
        InputError: missing or empty.
        ArtifactError: other columns, a name twice, or a density outside [0, 1].
    """
    require_file(path, "the table of densities")
    found: dict[str, float] = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                name, density = row["name"], float(row["density"])
                if name in found or not 0 <= density <= 1:
                    raise ValueError(f"{name} twice" if name in found else f"{name}: {density}")
                found[name] = density
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise ArtifactError(
            f"{path.name} is no table of densities",
            expected="a CSV with the columns name and density, each layer once, from 0 to 1",
            got=str(error),
        ) from error
    return found
