"""Published .pth files: the mapping both ways, and how foreign files are refused."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from cdfi_model.checkpoints.published import (
    export_checkpoint,
    import_checkpoint,
    published_networks,
    published_shapes,
    read_state_dict,
)
from cdfi_model.checkpoints.published_names import published_names
from cdfi_model.kernel_unet_spec import KernelUNetSpec
from cdfi_model.network import build_network
from cdfi_model.spec import NETWORKS
from cdfi_runtime.errors import ArtifactError, InputError
from torch import Tensor

CASE, NETWORK = "compressed_adacof_f5_d1", "compressed_adacof"
StateDict = Callable[[str], dict[str, Tensor]]


def kernel_unet(name: str) -> KernelUNetSpec:
    spec = NETWORKS.get(name)
    assert isinstance(spec, KernelUNetSpec)
    return spec


@pytest.fixture
def state_dict(golden_state_dict: StateDict) -> dict[str, Tensor]:
    return dict(golden_state_dict(CASE))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "published.pth"


def test_names_shapes_and_order_are_the_published_ones(golden_manifest: dict[str, Any]) -> None:
    for case in golden_manifest["cases"].values():
        published = [(name, tuple(shape)) for name, shape in case["keys"]]
        assert list(published_shapes(kernel_unet(case["network"])).items()) == published


def test_every_tensor_of_ours_has_one_published_name() -> None:
    for spec in published_networks():
        names = published_names(spec)
        with torch.device("meta"):
            own = spec.build().state_dict()
        assert sorted(names) == sorted(own)
        assert len(set(names.values())) == len(names)


@pytest.mark.parametrize("wrapped", [True, False], ids=["state_dict key", "bare"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_import(state_dict: dict[str, Tensor], path: Path, wrapped: bool, prefix: str) -> None:
    content: dict[str, Any] = {prefix + name: value for name, value in state_dict.items()}
    torch.save({"state_dict": content, "epoch": 3} if wrapped else content, path)
    network = import_checkpoint(path, NETWORKS.get(NETWORK))
    assert not network.training
    own = network.state_dict()
    for ours, theirs in published_names(kernel_unet(NETWORK)).items():
        assert torch.equal(own[ours], state_dict[theirs])


def test_there_and_back(state_dict: dict[str, Tensor], path: Path, tmp_path: Path) -> None:
    torch.save({"state_dict": state_dict}, path)
    back = tmp_path / "new folder" / "back.pth"
    export_checkpoint(import_checkpoint(path, NETWORKS.get(NETWORK)), back)
    content = torch.load(back, weights_only=True)
    assert list(content) == ["state_dict"]
    assert list(content["state_dict"]) == list(state_dict)
    assert all(torch.equal(content["state_dict"][name], state_dict[name]) for name in state_dict)


def test_the_error_names_what_differs_and_what_would_fit(
    state_dict: dict[str, Tensor], path: Path
) -> None:
    torch.save(state_dict, path)
    with pytest.raises(ArtifactError) as caught:
        import_checkpoint(path, NETWORKS.get("cdfi"))
    text = str(caught.value)
    assert "missing" in text
    assert "get_kernel.module1by1_1.weight" in text
    assert "of another shape" in text
    assert "--network compressed_adacof" in text
    assert len(text) < 2500


def test_a_damaged_state_dict_fits_nothing(state_dict: dict[str, Tensor], path: Path) -> None:
    del state_dict["get_kernel.moduleConv3.2.bias"]
    state_dict["extra.weight"] = torch.zeros(2)
    state_dict["get_kernel.moduleConv1.0.bias"] = torch.zeros(25)
    torch.save(state_dict, path)
    with pytest.raises(ArtifactError) as caught:
        import_checkpoint(path, NETWORKS.get(NETWORK))
    text = str(caught.value)
    assert "1 missing: get_kernel.moduleConv3.2.bias" in text
    assert "1 unexpected: extra.weight" in text
    assert "get_kernel.moduleConv1.0.bias (expected 24, got 25)" in text
    assert "fits none of the known networks" in text


class Foreign:
    """An object that only the unsafe loader would make."""


def pickled_object() -> bytes:
    buffer = io.BytesIO()
    torch.save({"state_dict": {"a": Foreign()}}, buffer)
    return buffer.getvalue()


def truncated() -> bytes:
    buffer = io.BytesIO()
    torch.save({"a": torch.zeros(1000)}, buffer)
    return buffer.getvalue()[:-600]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"<html>404 not found</html>\n", "cannot be read"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "cannot be read"),
        (pickled_object(), "cannot be read"),
        (truncated(), "cannot be read"),
    ],
    ids=["0-byte", "text", "picture", "pickled object", "truncated"],
)
def test_other_files_are_refused(path: Path, content: bytes, problem: str) -> None:
    path.write_bytes(content)
    with pytest.raises((InputError, ArtifactError), match=problem) as caught:
        read_state_dict(path)
    assert "False" not in str(caught.value)  # torch's advice to load the file unsafely


@pytest.mark.parametrize(
    "content",
    [[1, 2], {}, {"a": 1}, {1: torch.zeros(1)}, {"state_dict": {"a": torch.zeros(1).int()}}],
    ids=str,
)
def test_other_contents_are_refused(path: Path, content: object) -> None:
    torch.save(content, path)
    with pytest.raises(ArtifactError):
        read_state_dict(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not found"):
        read_state_dict(tmp_path / "none.pth")


def test_values_that_are_not_finite_are_refused(state_dict: dict[str, Tensor], path: Path) -> None:
    name = "get_kernel.moduleConv1.0.bias"
    state_dict[name] = torch.full_like(state_dict[name], torch.nan)
    torch.save(state_dict, path)
    with pytest.raises(ArtifactError, match="not finite"):
        import_checkpoint(path, NETWORKS.get(NETWORK))


def test_a_network_without_a_published_form(path: Path) -> None:
    network = build_network(NETWORKS.get("cdfi_mobile"), seed=0)
    with pytest.raises(InputError, match="no published checkpoint form"):
        export_checkpoint(network, path)
    assert not path.exists()
