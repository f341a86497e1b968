"""What a run must remember: weights, their average, optimizer, step. Saved whole or not at all."""

from __future__ import annotations

import copy
import io
import pickle
from pathlib import Path
from typing import Any

import torch
from cdfi_runtime.errors import ArtifactError
from cdfi_runtime.files import atomic_path

from cdfi_model.network import InterpolationNetwork

_VERSION = 1


class TrainState:
    """A network in training with its moving average; one step at a time moves all of it on."""

    def __init__(
        self,
        network: InterpolationNetwork,
        optimizer: torch.optim.Optimizer,
        *,
        zeros_stay: bool = False,
    ) -> None:
        """Begin at step 0.

        Args:
            network: Trained in place.
            optimizer: On its parameters.
            zeros_stay: The average is exactly zero where the network is, as pruning wants it.
        """
        self.network = network.train()
        self.average = copy.deepcopy(network).eval().requires_grad_(False)
        self.optimizer = optimizer
        self._zeros_stay = zeros_stay
        # What else a kind of run remembers: plain values by name.
        self.extra: dict[str, Any] = {}
        self.step = 0
        self.best_psnr = float("-inf")

    @torch.no_grad()
    def update_average(self, decay: float) -> None:
        """Move the average toward the network; faster at first, so that it forgets the start."""
        decay = min(decay, (1 + self.step) / (10 + self.step))
        pairs = zip(self.average.parameters(), self.network.parameters(), strict=True)
        for kept, current in pairs:
            kept.lerp_(current, 1 - decay)
            if self._zeros_stay:
                kept.masked_fill_(current == 0, 0)

    def save(self, path: Path) -> None:
        """Write everything to ``path`` by way of a temporary name."""
        content = {
            "version": _VERSION,
            "spec": self.network.spec.to_json(),
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "best_psnr": self.best_psnr,
            "extra": self.extra,
        }
        # By way of memory: torch's own file writer hides a full disk behind a RuntimeError.
        buffer = io.BytesIO()
        torch.save(content, buffer)
        with atomic_path(path) as temporary:
            temporary.write_bytes(buffer.getbuffer())

    def load(self, path: Path) -> None:
        """Go on from ``path``.

        Raises:
            ArtifactError: no checkpoint of this trainer, or one of another network.
        """
        content = self._read(path)
        if content["spec"] != self.network.spec.to_json():
            raise ArtifactError(
                f"{path.name} belongs to another network or to other widths",
                expected=self.network.spec.name,
                got=str(content["spec"].get("name")),
                fix="choose another 'out' folder in the config, or remove the checkpoint",
            )
        self.network.load_state_dict(content["network"])
        self.average.load_state_dict(content["average"])
        try:
            self.optimizer.load_state_dict(content["optimizer"])
        except (ValueError, KeyError) as error:
            raise ArtifactError(
                f"{path.name} was made with another optimizer",
                got=str(error),
                fix="choose another 'out' folder in the config, or remove the checkpoint",
            ) from error
        self.step, self.best_psnr = int(content["step"]), float(content["best_psnr"])
        self.extra = content.get("extra", {})  # older checkpoints have none

    def started_from(self, sha256: str) -> None:
        """Note the weights file that a run begins with; a resumed run must name the same.

        Raises:
            ArtifactError: it began with another one.
        """
        if self.extra.setdefault("start_sha256", sha256) != sha256:
            raise ArtifactError(
                "the run in this folder began with another weights file",
                expected=f"the file with sha256 {self.extra['start_sha256'][:12]}...",
                got=f"{sha256[:12]}...",
                fix="name that file again, or choose another 'out' folder",
            )

    @staticmethod
    def _read(path: Path) -> dict[str, Any]:
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
            if not isinstance(content, dict) or content.get("version") != _VERSION:
                raise KeyError("version")
        except (RuntimeError, KeyError, EOFError, OSError, pickle.UnpicklingError) as error:
            raise ArtifactError(
                f"{path.name} is no checkpoint of this trainer",
                got=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
                fix="remove it to start the run anew",
            ) from error
        return content
