from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cdfi_runtime
import jsonschema
import pytest
from cdfi_runtime.errors import ArtifactError, InputError
from cdfi_runtime.manifest import load_manifest, manifest_path, manifest_schema, read_manifest

SCHEMA = Path(cdfi_runtime.__file__).parent / "schemas" / "manifest.schema.json"


def test_the_published_schema_is_the_models() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == manifest_schema(), (
        "the manifest has changed: write schemas/manifest.schema.json anew by manifest_schema(), "
        "and raise SCHEMA_VERSION unless only optional fields were added"
    )


def test_manifests_fit_the_schema(make_artifact: Any) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    raw = json.loads(manifest_path(make_artifact()).read_text())
    jsonschema.validate(raw, schema)
    raw["artifact"]["sha256"] = "short"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(raw, schema)


def test_it_comes_back_as_it_was_saved(make_artifact: Any) -> None:
    path = make_artifact(size=(64, 32))
    manifest = load_manifest(path)
    assert manifest.size.width == 64
    manifest.save(path)
    assert load_manifest(path) == manifest


def test_a_hash_that_does_not_match_is_refused(make_artifact: Any) -> None:
    path = make_artifact()
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert read_manifest(path)
    with pytest.raises(ArtifactError, match=r"(?s)not the file its manifest.*expected: sha256"):
        load_manifest(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no json", "no JSON"),
        (b"[]", "schema version"),
        (b"{}", "schema version"),
        (b'{"schema_version": 2}', r"(?s)expected: 1.*got: 2"),
        (b'{"schema_version": 1}', "network: Field required"),
        (b"\xff\xfe\x00", "no UTF-8"),
    ],
)
def test_broken_manifests_are_refused(make_artifact: Any, content: bytes, message: str) -> None:
    path = make_artifact()
    manifest_path(path).write_bytes(content)
    with pytest.raises(ArtifactError, match=message):
        load_manifest(path)


def test_other_times_than_the_middle_are_no_manifest(make_artifact: Any) -> None:
    path = make_artifact()
    raw = json.loads(manifest_path(path).read_text())
    manifest_path(path).write_text(json.dumps(raw | {"time_step": 0.25}))
    with pytest.raises(ArtifactError, match="time_step"):
        load_manifest(path)


def test_an_empty_manifest_is_named(make_artifact: Any) -> None:
    path = make_artifact()
    manifest_path(path).write_bytes(b"")
    with pytest.raises(InputError, match=r"(?s)manifest is empty.*0 bytes"):
        load_manifest(path)
