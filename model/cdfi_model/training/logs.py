"""What a run leaves to look at: ``log.csv``, TensorBoard if asked for, sample strips."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from cdfi_runtime.errors import CdfiError, OutputError
from cdfi_runtime.files import atomic_path, ensure_folder

from cdfi_model.training.batches import whole_batch

if TYPE_CHECKING:
    from cdfi_model.network import InterpolationNetwork
    from cdfi_model.training.sources import TripletSource

LOG = "log.csv"
COLUMNS = (
    "step",
    "loss",
    "offset_loss",
    "learning_rate",
    "seconds_per_step",
    "data_wait_share",
    "val_psnr_db",
    "warp",
)


class RunLog:
    """Rows by step. After a resume, rows behind the checkpoint are taken back first."""

    def __init__(
        self, folder: Path, step: int, *, warp: str = "", tensorboard: bool = False
    ) -> None:
        """Open the log of ``folder`` for a run that goes on behind ``step``.

        Every row names the ``warp`` formulation that it was trained with.

        Raises:
            CdfiError: TensorBoard is asked for and not installed.
            OutputError: the log cannot be written.
        """
        self._path = folder / LOG
        self._warp = warp
        rows: list[dict[str, str]] = []
        if self._path.exists():
            with self._path.open(newline="", encoding="utf-8") as file:
                rows = [row for row in csv.DictReader(file) if float(row["step"] or 0) <= step]
        with atomic_path(self._path) as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        self._board = None
        if tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError as error:
                raise CdfiError(
                    "the config asks for TensorBoard, which is not installed",
                    fix="pip install tensorboard, or set tensorboard = false; log.csv is "
                    "always written",
                ) from error
            self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)

    def add(self, step: int, values: tuple[float | None, ...]) -> None:
        """Append one row: the columns between ``step`` and ``warp``, ``None`` stays empty."""
        texts = [str(step), *("" if value is None else f"{value:.6g}" for value in values)]
        try:
            with self._path.open("a", newline="", encoding="utf-8") as file:
                csv.writer(file).writerow([*texts, self._warp])
        except OSError as error:
            raise OutputError(
                f"cannot write {self._path.name}",
                got=str(error),
                fix="free some space, then run again: it goes on from the last checkpoint",
            ) from error
        if self._board is not None:
            for name, value in zip(COLUMNS[1:-1], values, strict=True):
                if value is not None:
                    self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Write out what TensorBoard holds back."""
        if self._board is not None:
            self._board.close()


@torch.no_grad()
def save_strips(
    path: Path, network: InterpolationNetwork, source: TripletSource, rows: list[int]
) -> None:
    """A PNG with one row for each triplet: frame 0, the network's middle, the truth, frame 2."""
    from cdfi_runtime.images import write_image

    ensure_folder(path.parent)
    device = next(network.parameters()).device
    strips = []
    for row in rows:
        batch = whole_batch(source, range(row, row + 1))
        middle = network(batch.frame0.to(device), batch.frame2.to(device)).cpu()
        pictures = torch.cat((batch.frame0, middle, batch.middle, batch.frame2), 3)
        strips.append((pictures[0].permute(1, 2, 0).clamp(0, 1) * 255).round().byte().numpy())
    # write_image goes by way of a temporary name.
    write_image(path, np.concatenate(strips, 0))
