"""The shipped default: weights and embedded artifact belong together and are worth shipping."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from cdfi_model.checkpoints.weights import (
    default_weights,
    load_network,
    read_weights,
    shipped_weights,
)
from cdfi_model.spec import spec_from_json
from cdfi_model.torch_runtime import TorchSession
from cdfi_runtime import Interpolator
from cdfi_runtime.files import sha256_file
from cdfi_runtime.images import read_image
from cdfi_runtime.interpolator import embedded_model
from cdfi_runtime.manifest import load_manifest
from cdfi_runtime.metrics import max_abs, psnr
from cdfi_runtime.samples import sample_triplet

REMEDY = "run: make default-model WEIGHTS=model/cdfi_model/weights/default.safetensors"


def sample() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    frame0, truth, frame2 = (read_image(path) for path in sample_triplet())
    return frame0, truth, frame2


def test_the_embedded_artifact_was_made_from_the_shipped_weights() -> None:
    manifest = load_manifest(embedded_model())
    assert manifest.network.weights_sha256 == sha256_file(default_weights()), REMEDY
    assert spec_from_json(manifest.network.spec) == read_weights(default_weights()).spec, REMEDY
    assert manifest.artifact.file == embedded_model().name
    assert manifest.parity and all(result.verdict == "pass" for result in manifest.parity)


def test_it_computes_what_torch_computes_from_the_shipped_weights() -> None:
    frames = [frame.astype(np.float32) / 255 for frame in sample()]
    reference = TorchSession(load_network(default_weights()))
    wanted = Interpolator.from_session(reference).interpolate(frames[0], frames[2])
    got = Interpolator.load().interpolate(frames[0], frames[2])
    assert max_abs(got, wanted) <= 2e-3, REMEDY
    assert psnr(got, wanted, data_range=1.0) >= 60, REMEDY


def test_it_beats_the_average_of_the_frames_by_a_clear_margin() -> None:
    frame0, truth, frame2 = sample()
    average = ((frame0.astype(np.float32) + frame2) / 2 / 255).astype(np.float32)
    middle = Interpolator.load().interpolate(frame0, frame2)
    gain = psnr(middle, truth, data_range=255) - psnr(
        (average * 255 + 0.5).astype(np.uint8), truth, data_range=255
    )
    assert gain > 3


@pytest.mark.parametrize("size", [(1, 1), (33, 17), (31, 96)])
def test_it_takes_frames_of_any_size(size: tuple[int, int]) -> None:
    frame0, _, frame2 = sample()
    height, width = size
    middle = Interpolator.load().interpolate(frame0[:height, :width], frame2[:height, :width])
    assert middle.shape == (height, width, 3) and middle.dtype == np.uint8


@pytest.mark.parametrize("path", shipped_weights(), ids=lambda path: path.stem)
def test_weights_are_small_and_half_precision_and_have_a_card(path: Path) -> None:
    assert path.stat().st_size <= 8 << 20
    stored = read_weights(path)
    assert all(t.dtype == torch.float16 for t in stored.tensors.values())
    card = path.with_name(str(stored.info["card"])).read_text(encoding="utf-8")
    assert path.name in card and f"{load_network(path).count_parameters():,}" in card
