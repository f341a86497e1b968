"""Reading reports from files, those of older releases included."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cdfi_runtime.errors import ArtifactError
from cdfi_runtime.files import require_file
from pydantic import ValidationError

from cdfi_bench.report import REPORT_SCHEMA_VERSION, Report

_ABSENT = "reports of schema version 1 do not have it"
_NEW_OF_DEVICE = (
    *("serial", "model", "soc", "abi", "build", "sdk", "max_frequency_khz", "governor"),
)
_NEW_OF_TIMING = ("tool_statistics_s", "end_to_end", "sustained", "throttled")


def read_report(path: Path) -> Report:
    """A report from its JSON file; one of schema version 1 gets nulls with reasons.

    Raises:
        InputError: the file is missing or empty.
        ArtifactError: it is no report, or one of a version that is not known here.
    """
    require_file(path, "the report")
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # no UTF-8 is one of them
        raise _foreign(path, str(error)) from error
    version = raw.get("schema_version") if isinstance(raw, dict) else None
    try:
        return Report.model_validate(_from_first(raw) if version == 1 else raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _foreign(path, f"schema version {version}; {where}: {first['msg']}") from error
    except (AttributeError, KeyError, TypeError) as error:
        raise _foreign(path, "schema version 1 without its fields") from error


def _foreign(path: Path, got: str) -> ArtifactError:
    return ArtifactError(
        f"{path.name} is no report that can be read here",
        expected=f"a JSON report of cdfi-bench, schema version 1 to {REPORT_SCHEMA_VERSION}",
        got=got,
        fix="measure again, or use the cdfi-mobile release that wrote it",
    )


def _from_first(raw: dict[str, Any]) -> dict[str, Any]:
    device = _with_nulls(raw["device"], _NEW_OF_DEVICE)
    device |= {"kind": "local", "name": "local", "emulated": False, "simulated": False}
    rows = [_row_from_first(row, device) for row in raw["rows"]]
    return raw | {"schema_version": REPORT_SCHEMA_VERSION, "device": device, "rows": rows}


def _row_from_first(row: dict[str, Any], device: dict[str, Any]) -> dict[str, Any]:
    row = _with_nulls(row, ("conditions", "mobile")) | {"device": device}
    if row["backend"] is not None:
        row["backend"] = _with_nulls(row["backend"], ("affinity",))
    if row["quality"] is not None:
        row["quality"] = _with_nulls(row["quality"], ("lpips",))
    row["images"] = [_image_from_first(image) for image in row["images"]]
    if row["timing"] is not None:
        timing = _with_nulls(row["timing"], _NEW_OF_TIMING)
        planned = len(timing["samples_s"])
        row["timing"] = timing | {
            "planned_runs": planned,
            "complete": True,
            "valid": True,
            "invalid_because": [],
        }
    return row


def _image_from_first(image: dict[str, Any]) -> dict[str, Any]:
    quality = image["quality"]
    return image if quality is None else image | {"quality": _with_nulls(quality, ("lpips",))}


def _with_nulls(section: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    absent = [name for name in names if name not in section]
    reasons = section.get("unmeasured", {}) | dict.fromkeys(absent, _ABSENT)
    return section | dict.fromkeys(absent) | {"unmeasured": reasons}
