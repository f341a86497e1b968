"""The artifacts in the app's assets, as they are committed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cdfi_export.android import ASSETS, SHIPPED
from cdfi_export.android_assets import LIMIT_BYTES, Entry, Index, read_index
from cdfi_model.checkpoints.weights import default_weights
from cdfi_runtime import Interpolator
from cdfi_runtime.files import sha256_file
from cdfi_runtime.images import read_image
from cdfi_runtime.manifest import load_manifest
from cdfi_runtime.metrics import psnr
from cdfi_runtime.samples import sample_triplet

FOLDER = Path(__file__).parents[2] / "android_demo" / ASSETS
LEAST_DB = {"float32": 80.0, "float16": 50.0, "int8": 40.0}  # of 8-bit pictures


@pytest.fixture(scope="module")
def index() -> Index:
    found = read_index(FOLDER)
    assert found is not None, "run cdfi-export --android and commit what it writes"
    return found


def test_they_are_those_that_the_command_makes(index: Index) -> None:
    asked = [(item.size, item.precision) for item in SHIPPED]
    got = [(entry.width, entry.height, entry.precision) for entry in index.artifacts]
    assert got == [
        (size and size.width, size and size.height, precision) for size, precision in asked
    ]
    assert index.artifacts[0].dynamic, "the app's default must take every clip"


def test_each_is_what_its_manifest_and_the_index_say(index: Index) -> None:
    """:func:`load_manifest` compares the hash with the file's."""
    for entry in index.artifacts:
        manifest = load_manifest(FOLDER / entry.file)
        assert Entry.of(manifest) == entry
        assert manifest.artifact.bytes == (FOLDER / entry.file).stat().st_size
        assert all(item.verdict == "pass" for item in manifest.parity) and manifest.parity
        tensors = (*manifest.inputs, *manifest.outputs)
        assert {(each.layout, each.dtype) for each in tensors} == {("NCHW", "float32")}


def test_they_hold_the_shipped_weights(index: Index) -> None:
    weights = sha256_file(default_weights())
    for entry in index.artifacts:
        assert load_manifest(FOLDER / entry.file).network.weights_sha256 == weights, (
            "the shipped weights have changed: run cdfi-export --android and commit it"
        )


def test_nothing_else_lies_there_and_all_is_small(index: Index) -> None:
    files = {path.name: path.stat().st_size for path in FOLDER.iterdir()}
    assert set(files) == index.files
    assert sum(files.values()) <= LIMIT_BYTES


def test_each_gives_the_picture_of_the_default_network(index: Index) -> None:
    first, _, last = (read_image(path)[:256, :448] for path in sample_triplet())
    expected = Interpolator.load(threads=1).interpolate(first, last)
    assert psnr(expected, first, data_range=255) < 35  # the frames do differ
    for entry in index.artifacts:
        found = Interpolator.load(FOLDER / entry.file, threads=1).interpolate(first, last)
        if not np.array_equal(found, expected):
            assert psnr(found, expected, data_range=255) >= LEAST_DB[entry.precision], entry.file
