"""Core ML programs without zeros: decoded by Apple's reference, the same frames, fewer bytes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from cdfi_export.mil_constants import sparse_to_dense
from cdfi_runtime.errors import ArtifactError


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_a_sparse_program_gives_the_dense_ones_frame(
    export_forms: Callable[..., Any], precision: str
) -> None:
    pytest.importorskip("coremltools")
    forms = export_forms(format="coreml", precision=precision)
    assert np.array_equal(*forms.frames)
    assert forms.sparse.artifact.form == "sparse"
    assert forms.sparse.artifact.bytes < forms.dense.artifact.bytes
    assert forms.sparse.graph.operators["constexpr_sparse_to_dense"] > 3
    assert "constexpr_sparse_to_dense" not in forms.dense.graph.operators
    (remark,) = [text for text in forms.sparse.graph.remarks if "size, not speed" in text]
    weights = [file / "Data/com.apple.CoreML/weights/weight.bin" for file in forms.files]
    saved = weights[0].stat().st_size - weights[1].stat().st_size
    said = re.search(r"([\d,]+) bytes as ([\d,]+):", remark)
    assert said is not None
    before, after = (int(number.replace(",", "")) for number in said.groups())
    # Padding between arrays aside, the file of weights lost what the remark claims.
    assert saved == pytest.approx(before - after, rel=0.02)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (1, 3, 3, 3), (4, 2, 3, 3)])
@pytest.mark.parametrize("density", [0.0, 0.3, 1.0])
def test_the_evaluator_decodes_as_coremltools_encodes(
    shape: tuple[int, ...], density: float
) -> None:
    passes = pytest.importorskip("coremltools.optimize.coreml._quantization_passes")
    generator = np.random.default_rng(1)
    weight = generator.standard_normal(shape).astype(np.float32)
    weight[generator.random(shape) >= density] = 0
    made = passes.prune_weights._produce_sparse_param(weight)
    back = sparse_to_dense(
        torch.from_numpy(made.nonzero_data), torch.from_numpy(made.mask), torch.tensor(made.shape)
    )
    assert np.array_equal(back.numpy(), weight)


@pytest.mark.parametrize(
    ("mask", "values"), [([1], 2), ([1, 0], 1), ([], 0), ([0b1000], 1)], ids=str
)
def test_a_mask_that_does_not_fit_is_refused(mask: list[int], values: int) -> None:
    with pytest.raises(ArtifactError, match="does not fit its mask"):
        sparse_to_dense(
            torch.ones(values), torch.tensor(mask, dtype=torch.uint8), torch.tensor([1, 3])
        )
