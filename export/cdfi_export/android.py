"""What ``cdfi-export --android`` makes: the artifacts that the Android app ships.

They are made like all others, in the output folder with its ledger. ``android_assets`` puts them
into the app.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from cdfi_runtime.errors import InputError

from cdfi_export.frame_size import TYPICAL_SIZE, FrameSize
from cdfi_export.matrix import Matrix, plan_matrix
from cdfi_export.options import ExportOptions

ASSETS = Path("app/src/main/assets/artifacts")
_DEMO = "android_demo"
_CONTRACT = "BENCHMARK.md"


@dataclass(frozen=True)
class Shipped:
    """One artifact that the app ships, as ONNX.

    Attributes:
        size: Of the graph; ``None`` for any.
        precision: One of the format's.
    """

    size: FrameSize | None
    precision: str


# The first is the app's default: it takes every clip. The others are there to be compared with it.
SHIPPED = (
    Shipped(None, "float32"),
    Shipped(TYPICAL_SIZE, "float16"),
    Shipped(TYPICAL_SIZE, "int8"),
)


def plan_shipped(options: ExportOptions) -> Matrix:
    """The cells of all shipped artifacts; nothing is written.

    Args:
        options: Where the network comes from, data, and the folder to make them in; what
            ``SHIPPED`` settles is not used.

    Raises:
        CdfiError: options, weights or image data cannot be used.
    """
    parts = []
    for item in SHIPPED:
        sizes = () if item.size is None else (item.size,)
        single = replace(options, sizes=sizes, dynamic=item.size is None)
        parts.append(plan_matrix(single, ("onnx",), (item.precision,)))
    return Matrix(
        cells=tuple(cell for part in parts for cell in part.cells),
        refused=tuple(row for part in parts for row in part.refused),
        notes=tuple(note for part in parts for note in part.notes),
    )


def shipped_assets(android: bool, given: Path | None, **settled: object) -> Path | None:
    """The folder to write to; ``None`` without ``--android``.

    Args:
        android: Whether ``--android`` was given.
        given: ``--android-dir``; ``None`` takes that of the checkout around the current folder.
        settled: Options that choose what ``SHIPPED`` settles, by name; true if given.

    Raises:
        InputError: one of those was given, or the folder is not known.
    """
    if not android:
        if given is not None:
            raise InputError("--android-dir is for --android", fix="add --android, or leave it out")
        return None
    if beside := [f"--{name}" for name, is_given in settled.items() if is_given]:
        raise InputError(
            "--android chooses formats, precisions and sizes by itself",
            expected="--android with weights and data, e.g. --weights, --calibration",
            got=", ".join(beside),
            fix="leave that out, or export without --android",
        )
    if given is not None:
        return given
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / _DEMO / _CONTRACT).is_file():
            return folder / _DEMO / ASSETS
    raise InputError(
        "the app's assets folder is not known",
        expected=f"a checkout with {_DEMO}, or a folder by --android-dir",
        got=str(here),
        fix=f"add --android-dir {_DEMO}/{ASSETS.as_posix()}",
    )
