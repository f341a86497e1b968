"""A pack's small form, for machines that are reached by carrying files: WebP instead of arrays."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from cdfi_runtime.errors import InputError, OutputError
from numpy.typing import NDArray

from .encoded import FRAMES, SIZES
from .pack import SMALL_VERSION, Pack
from .packing import pack_triplets

QUALITIES = range(10, 96)
_SAMPLE = 32  # triplets on which the quality is chosen
_SPARE = 0.97  # of the room, for the sample is not the whole


def shrink_pack(
    pack: Pack, out: Path, *, max_mib: float, progress: Callable[[str], None] = lambda _: None
) -> Pack:
    """Write `pack` to the new folder `out` in at most `max_mib` MiB, as good as that allows.

    Flow is left out: it is computed while reading. The index says the quality that was chosen and
    the mean PSNR in dB of the compressed frames (on a sample).
    Raises `InputError` when the pack does not fit at the lowest quality either, `OutputError` when
    `out` exists or can't be written.
    """
    if out.exists():
        raise OutputError("the pack's folder exists already", got=str(out), fix="name another")
    room = max_mib * 2**20 - 12 * len(pack) - 4096 - len(json.dumps(pack.index))
    rows = np.linspace(0, len(pack) - 1, min(_SAMPLE, len(pack))).astype(int).tolist()
    sample = [np.asarray(pack.frames[row]) for row in rows]
    fits = _best_quality(sample, _SPARE * room / len(pack))
    while fits is not None:
        progress(f"compressing {len(pack)} triplets at quality {fits}")
        chunks, sizes = _encode_all(pack, fits)
        if sizes.sum() <= room:
            break
        fits = fits - 2 if fits - 2 in QUALITIES else None
    if fits is None:
        raise InputError(
            f"{len(pack)} triplets do not fit into {max_mib:g} MiB",
            expected=f"at most {max_mib:g} MiB at WebP quality {QUALITIES[0]}",
            fix="choose fewer triplets (--count) or a smaller crop",
        )
    small = {"form": "webp", "quality": fits, "frame_psnr_db": round(_psnr(sample, fits), 2)}
    index = {**pack.index, "version": SMALL_VERSION, "small": small}
    temporary = out.with_name(out.name + ".partial")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        (temporary / FRAMES).write_bytes(b"".join(chunks))
        np.save(temporary / SIZES, sizes)
        (temporary / "index.json").write_text(json.dumps(index), "utf-8")
        temporary.rename(out)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise OutputError(
            f"the pack {out} can't be written",
            got=str(error),
            fix="check the disk's space and the folder's permissions",
        ) from error
    return Pack.open(out, flow=False)


def make_pack(
    clips: Path,
    out: Path,
    *,
    split: str,
    count: int,
    crop: int,
    seed: int,
    max_mib: float | None,
    progress: Callable[[str], None],
) -> Pack:
    """What ``cdfi-model pack`` does: pack clips, or a pack's first `count` rows, small if asked.

    Raises what :func:`pack_triplets` and :func:`shrink_pack` raise.
    """
    if (clips / "index.json").exists():
        if max_mib is None:
            raise InputError("the folder is a pack already", got=str(clips), fix="add --max-mib")
        chosen = Pack.open(clips, flow=False).head(count)
        return shrink_pack(chosen, out, max_mib=max_mib, progress=progress)
    if max_mib is None or out.exists():  # the latter is refused there, before any work
        return pack_triplets(
            clips, out, split=split, count=count, crop=crop, seed=seed, progress=progress
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        full = pack_triplets(
            clips,
            Path(folder) / "full",
            split=split,
            count=count,
            crop=crop,
            seed=seed,
            progress=progress,
        )
        return shrink_pack(full, out, max_mib=max_mib, progress=progress)


def _encode(picture: NDArray[np.uint8], quality: int) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "webp", quality=quality, method=4)
    return buffer.getvalue()


def _encode_all(pack: Pack, quality: int) -> tuple[list[bytes], NDArray[np.uint32]]:
    chunks = [_encode(picture, quality) for row in range(len(pack)) for picture in pack.frames[row]]
    return chunks, np.array([len(chunk) for chunk in chunks], np.uint32).reshape(-1, 3)


def _best_quality(sample: Iterable[NDArray[np.uint8]], bytes_per_triplet: float) -> int | None:
    """The highest quality at which the sample's mean triplet fits, by bisection."""
    pictures = [picture for triplet in sample for picture in triplet]
    low, high = QUALITIES[0] - 1, QUALITIES[-1]
    while low < high:
        middle = (low + high + 1) // 2
        mean = 3 * sum(len(_encode(picture, middle)) for picture in pictures) / len(pictures)
        low, high = (middle, high) if mean <= bytes_per_triplet else (low, middle - 1)
    return low if low in QUALITIES else None


def _psnr(sample: Iterable[NDArray[np.uint8]], quality: int) -> float:
    from PIL import Image

    errors = []
    for triplet in sample:
        for picture in triplet:
            data = io.BytesIO(_encode(picture, quality))
            decoded = np.asarray(Image.open(data).convert("RGB"), np.float32)
            errors.append(float(np.mean(np.square(decoded - picture))))
    return float(np.mean([10 * np.log10(255.0**2 / max(error, 1e-6)) for error in errors]))
