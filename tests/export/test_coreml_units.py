"""Core ML's own runtime with a stand-in for Apple's library: what it is asked for, and how.

The stand-in computes a package by the evaluator of its operators, so frames are real; that Core ML
itself would give them is not tested here.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from cdfi_export.frame_size import FrameSize
from cdfi_export.options import ExportOptions
from cdfi_export.pipeline import export_all
from cdfi_export.verify import verify_artifact
from cdfi_model.checkpoints.weights import load_network
from cdfi_model.data.image_sets import sample_set
from cdfi_model.torch_runtime import TorchSession
from cdfi_runtime.backends.coreml import UNITS
from cdfi_runtime.errors import ArtifactError, InputError, UnknownNameError
from cdfi_runtime.manifest import read_manifest
from cdfi_runtime.runtimes import open_artifact
from PIL import Image

pytest.importorskip("coremltools")

import coremltools
from cdfi_export import mil_evaluator

SIZE = FrameSize(64, 48)


class StandIn:
    """``coremltools.models.MLModel`` on macOS, as far as the runtime uses it."""

    program: ClassVar[Any] = None
    faulty: ClassVar[str] = ""
    asked: ClassVar[list[str]] = []

    def __init__(self, path: str, compute_units: Any) -> None:
        if self.program is None:
            raise RuntimeError(f"Error compiling model: {path}")
        self.unit = compute_units.name
        self.asked.append(self.unit)

    def predict(self, feed: dict[str, Any]) -> dict[str, Any]:
        images = isinstance(next(iter(feed.values())), Image.Image)
        inputs = {}
        for name, value in feed.items():
            pixels = np.asarray(value, np.float32)
            inputs[name] = torch.from_numpy(
                np.array(pixels.transpose(2, 0, 1)[None] if images else pixels)
            )
        (name, frame), *_ = mil_evaluator.evaluate(self.program, inputs).items()
        result = frame.float().numpy()
        if self.unit == self.faulty:
            result = result[..., ::-1].copy()
        if images:
            planes = result[0].clip(0, 255).astype(np.uint8).transpose(1, 2, 0)
            return {name: Image.fromarray(np.ascontiguousarray(planes)).convert("RGBA")}
        return {name: result}


@pytest.fixture(scope="module")
def packages(
    tiny_shared_weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[bool, Path]:
    """The small network with arrays (False) and with images (True)."""
    silent: Any = SimpleNamespace(
        **dict.fromkeys(("note", "start", "step", "end"), lambda *_, **__: None)
    )
    files = {}
    for images in (False, True):
        options = ExportOptions(
            weights=tiny_shared_weights,
            format="coreml",
            sizes=(SIZE,),
            images=images,
            out=tmp_path_factory.mktemp("packages"),
            threads=1,
        )
        (outcome,) = export_all(options, silent)
        assert outcome.error is None and outcome.file is not None, outcome.error
        files[images] = outcome.file
    return files


@pytest.fixture(scope="module")
def programs(packages: dict[bool, Path]) -> dict[bool, Any]:
    """Loaded while coremltools is still its own."""
    return {images: mil_evaluator.load_program(path) for images, path in packages.items()}


@pytest.fixture
def on_a_mac(monkeypatch: pytest.MonkeyPatch) -> type[StandIn]:
    monkeypatch.setattr("cdfi_runtime.runtimes.sys", SimpleNamespace(platform="darwin"))
    monkeypatch.setattr(coremltools.models, "MLModel", StandIn)
    monkeypatch.setattr(StandIn, "asked", [])
    monkeypatch.setattr(StandIn, "faulty", "")
    monkeypatch.setattr(StandIn, "program", None)
    return StandIn


def frames() -> list[np.ndarray]:
    """Two frames ``(1, 3, H, W)`` that 8 bits hold exactly."""
    rows, columns = np.mgrid[0 : SIZE.height, 0 : SIZE.width]
    phases = np.arange(3)[:, None, None]
    waves = [127.5 + 140 * np.sin(rows / 5 + columns / 7 + phases + s) for s in (0.0, 0.6)]
    return [(np.round(wave).clip(0, 255)[None] / 255).astype(np.float32) for wave in waves]


@pytest.mark.parametrize("images", [False, True])
def test_each_compute_unit_is_verified_by_itself(
    packages: dict[bool, Path],
    programs: dict[bool, Any],
    on_a_mac: type[StandIn],
    images: bool,
    tiny_shared_weights: Path,
) -> None:
    on_a_mac.program = programs[images]
    on_a_mac.faulty = "CPU_AND_NE"
    results = verify_artifact(packages[images], load_network(tiny_shared_weights), [sample_set()])
    assert on_a_mac.asked == [unit.upper() for unit in UNITS]
    verdicts = {result.runtime.rsplit(" ", 1)[-1]: result.verdict for result in results}
    assert verdicts == {
        "cpu_only": "pass",
        "cpu_and_gpu": "pass",
        "cpu_and_ne": "fail",
        "all": "pass",
    }
    assert all("core ml, compute units" in result.runtime for result in results)


def test_images_are_handed_over_as_bytes(
    packages: dict[bool, Path],
    programs: dict[bool, Any],
    on_a_mac: type[StandIn],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    on_a_mac.program = programs[True]
    seen: list[Any] = []
    predict = StandIn.predict

    def watched(self: StandIn, feed: dict[str, Any]) -> dict[str, Any]:
        seen.extend(feed.values())
        return predict(self, feed)

    monkeypatch.setattr(StandIn, "predict", watched)
    got = open_artifact(packages[True]).run(*frames())
    for image, frame in zip(seen, frames(), strict=True):
        assert image.mode == "RGB" and image.size == (SIZE.width, SIZE.height)
        assert np.array_equal(np.asarray(image), np.round(frame[0] * 255).transpose(1, 2, 0))
    monkeypatch.undo()
    evaluated = open_artifact(packages[True], runtime="mil_evaluator").run(*frames())
    assert got.dtype == np.float32 and np.array_equal(got, evaluated)


def test_what_core_ml_cannot_load_is_an_artifact_error(
    packages: dict[bool, Path], on_a_mac: type[StandIn]
) -> None:
    on_a_mac.program = None
    with pytest.raises(ArtifactError, match="Error compiling model"):
        open_artifact(packages[False])


def test_units_that_core_ml_does_not_vouch_for_are_refused_by_strict(
    packages: dict[bool, Path], programs: dict[bool, Any], on_a_mac: type[StandIn]
) -> None:
    on_a_mac.program = programs[False]
    session = open_artifact(packages[False], accelerator="cpu_and_ne")
    assert session.accelerator == "core ml, compute units cpu_and_ne"
    assert session.fallback is not None and "does not say" in session.fallback
    with pytest.raises(InputError, match="cpu_and_ne"):
        open_artifact(packages[False], accelerator="cpu_and_ne", strict=True)
    assert open_artifact(packages[False], accelerator="cpu_only", strict=True).fallback is None
    with pytest.raises(UnknownNameError, match="cpu_and_gpu"):
        open_artifact(packages[False], accelerator="gpu")


def test_the_evaluator_is_no_accelerator(packages: dict[bool, Path]) -> None:
    with pytest.raises(InputError, match="not Core ML"):
        open_artifact(packages[False], "mil_evaluator", accelerator="cpu_and_ne", strict=True)


def test_image_packages_take_and_give_images(packages: dict[bool, Path]) -> None:
    manifest = read_manifest(packages[True])
    assert packages[True].name == "tiny_64x48_images.mlpackage"
    assert {item.dtype for item in (*manifest.inputs, *manifest.outputs)} == {"image"}
    assert manifest.outputs[0].value_range == (0.0, 255.0)
    model = coremltools.models.MLModel(str(packages[True]), skip_model_load=True)
    described = model.get_spec().description
    for feature in (*described.input, *described.output):
        assert feature.type.WhichOneof("Type") == "imageType"
        assert (feature.type.imageType.width, feature.type.imageType.height) == (64, 48)


def test_image_packages_differ_from_torch_by_their_rounding_alone(
    packages: dict[bool, Path], tiny_shared_weights: Path
) -> None:
    (parity,) = read_manifest(packages[True]).parity
    assert parity.max_abs <= 1 / 255 + 1e-6
    assert parity.max_abs_limit == 0.00393
    got = open_artifact(packages[True], runtime="mil_evaluator", threads=1).run(*frames())
    wanted = TorchSession(load_network(tiny_shared_weights), threads=1).run(*frames()).clip(0, 1)
    assert np.abs(got - wanted).max() <= 0.5 / 255 + 1e-4
    assert np.abs(got * 255 - np.round(got * 255)).max() < 1e-4
