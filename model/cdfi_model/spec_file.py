"""Spec files: the JSON of a spec, or the same as TOML, for networks that are not registered."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from cdfi_runtime.errors import ArtifactError, InputError
from cdfi_runtime.files import ensure_folder, require_file, write_text

from cdfi_model.spec import NETWORKS, NetworkSpec, spec_from_json


def find_spec(network: str | None, file: Path | None) -> NetworkSpec:
    """The spec of a registered network, or of a spec file.

    Raises:
        InputError: neither or both were named, or the file is missing.
        UnknownNameError: no network of that name.
        ArtifactError: the file holds no spec.
    """
    if (network is None) == (file is None):
        raise InputError(
            "which network?",
            expected="either a registered network or a spec file",
            got="neither" if network is None else f"network {network} and spec {file}",
        )
    return NETWORKS.get(network) if network is not None else read_spec(Path(str(file)))


def read_spec(path: Path) -> NetworkSpec:
    """The spec in ``path``: TOML if its name ends in ``.toml``, else JSON.

    Raises:
        InputError: missing or empty.
        ArtifactError: not in its format, or not a spec that can be built.
    """
    require_file(path, "the spec file")
    try:
        text = path.read_text(encoding="utf-8")
        raw = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except ValueError as error:  # no UTF-8, no TOML and no JSON are all of this kind
        raise ArtifactError(f"{path.name} cannot be read as a spec", got=str(error)) from error
    if not isinstance(raw, dict):
        raise ArtifactError(
            f"{path.name} is no spec", expected="the fields of a spec", got=type(raw).__name__
        )
    try:
        return spec_from_json(raw)
    except (InputError, TypeError, ValueError) as error:  # widths that contradict each other
        raise ArtifactError(f"the spec in {path.name} does not fit", got=str(error)) from error


def write_spec(path: Path, spec: NetworkSpec) -> None:
    """Write ``spec`` to ``path``, as TOML if its name ends in ``.toml``, else as JSON.

    Raises:
        OutputError: it cannot be written.
    """
    ensure_folder(path.parent)
    raw = spec.to_json()
    write_text(path, _toml(raw) if path.suffix == ".toml" else json.dumps(raw, indent=2) + "\n")


def _toml(raw: dict[str, Any]) -> str:
    """TOML of a spec. JSON's strings, numbers and lists are TOML's too; only tables differ."""
    plain = {key: value for key, value in raw.items() if not isinstance(value, dict)}
    tables = {key: value for key, value in raw.items() if isinstance(value, dict)}
    lines = [f"{key} = {json.dumps(value)}" for key, value in plain.items()]
    for key, table in tables.items():
        lines += ["", f"[{key}]", *(f"{name} = {json.dumps(item)}" for name, item in table.items())]
    return "\n".join(lines) + "\n"
