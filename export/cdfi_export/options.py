"""What one run of ``cdfi-export`` is asked for, checked before anything is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from cdfi_runtime.errors import InputError

from cdfi_export.format_spec import FORMATS, FormatSpec
from cdfi_export.frame_size import FrameSize
from cdfi_export.warp_choice import AUTO


@dataclass(frozen=True)
class ExportOptions:
    """The options of the command, under the same names.

    Attributes:
        network: Registered network, or ``None``; see :func:`cdfi_export.source.load_source`.
        spec: Spec file of a network that is not registered, or ``None``.
        weights: Weights file, or ``None``.
        seed: For random weights, or ``None``.
        format: Registered format.
        sizes: Frame sizes, one artifact each.
        dynamic: One more artifact for every frame size; also when ``sizes`` is empty.
        opset: ``None`` for the format's default.
        precision: ``None`` for the format's default.
        calibration: Folder of image sets or a video, for int8; ``None`` takes the triplet of the
            runtime.
        calibration_pairs: At most so many pairs of it, spread over it.
        images: Inputs and output are images, where the format has them.
        form: ``dense`` or ``sparse``.
        warp: Formulation, or ``"auto"``.
        out: Folder for the artifacts; made if needed.
        name: First part of the file names; ``None`` takes the network's name.
        verify_data: Folder with image sets; ``None`` takes the triplet of the runtime.
        verify_pairs: At most so many pairs of each image set.
        threads: For verification.
    """

    network: str | None = None
    spec: Path | None = None
    weights: Path | None = None
    seed: int | None = None
    format: str = "onnx"
    sizes: tuple[FrameSize, ...] = ()
    dynamic: bool = False
    opset: int | None = None
    precision: str | None = None
    calibration: Path | None = None
    calibration_pairs: int = 8
    images: bool = False
    form: str = "dense"
    warp: str = AUTO
    out: Path = Path("artifacts")
    name: str | None = None
    verify_data: Path | None = None
    verify_pairs: int | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        for option, value in (
            ("--verify-pairs", self.verify_pairs),
            ("--calibration-pairs", self.calibration_pairs),
            ("--threads", self.threads),
        ):
            if value is not None and value < 1:
                raise InputError(f"{option} is too small", expected="1 or more", got=str(value))
        if self.name is not None and not _is_file_name(self.name):
            raise InputError(
                "the name cannot be a file name",
                expected="a name without folders that does not start with a dot",
                got=repr(self.name),
                fix="give the folder by --out",
            )

    def one_by_one(self) -> list[ExportOptions]:
        """The same options for one graph each: every size, then the dynamic one."""
        single = [replace(self, sizes=(size,), dynamic=False) for size in self.sizes]
        if self.dynamic or not self.sizes:
            single.append(replace(self, sizes=(), dynamic=self.dynamic))
        return single

    def graph_sizes(self, spec: FormatSpec, multiple: int) -> tuple[FrameSize | None, ...]:
        """The graphs to write: padded sizes without repetition, then ``None`` for a dynamic one.

        Raises:
            InputError: the format has no dynamic sizes and needs one.
        """
        sizes: list[FrameSize | None] = [*dict.fromkeys(s.padded(multiple) for s in self.sizes)]
        if self.dynamic or not sizes:
            if not spec.dynamic:
                raise InputError(
                    f"the format '{spec.name}' writes graphs of fixed size only",
                    expected="--size WxH, once or more",
                    got="--dynamic" if self.dynamic else "no size",
                    fix="add e.g. --size 448x256",
                )
            sizes.append(None)
        return tuple(sizes)


def _is_file_name(text: str) -> bool:
    return bool(text) and Path(text).name == text and not text.startswith(".")


def resolve_precision(spec: FormatSpec, asked: str | None) -> str:
    """The precision to write.

    Raises:
        InputError: the format cannot write ``asked``.
    """
    if asked is None:
        return spec.precisions[0]
    if asked not in spec.precisions:
        raise InputError(
            f"the format '{spec.name}' cannot be written in this precision",
            expected=" or ".join(spec.precisions),
            got=asked,
        )
    return asked


def check_images(spec: FormatSpec, asked: bool) -> None:
    """Refuse images where the format has arrays only.

    Raises:
        InputError: it has.
    """
    if asked and not spec.images:
        able = [item.name for item in FORMATS.all() if item.images]
        raise InputError(
            f"the format '{spec.name}' has no image inputs",
            expected=f"--images with --format {' or '.join(able)}",
            got=f"--images with --format {spec.name}",
            fix="leave --images out",
        )


def resolve_opset(spec: FormatSpec, asked: int | None) -> int | None:
    """The operator set to write, ``None`` for formats without one.

    Raises:
        InputError: the format cannot write ``asked``.
    """
    if spec.opsets is None:
        if asked is None:
            return None
        raise InputError(
            f"the format '{spec.name}' has no operator sets",
            got=f"--opset {asked}",
            fix="leave --opset out",
        )
    lowest, default, highest = spec.opsets
    opset = default if asked is None else asked
    if not lowest <= opset <= highest:
        raise InputError(
            f"the format '{spec.name}' cannot be written in this operator set",
            expected=f"opset {lowest} to {highest}",
            got=f"opset {opset}",
            fix=f"use --opset {default}, the default",
        )
    return opset
