"""Making a pack: choosing triplets of a split's clips and writing them out."""

from __future__ import annotations

import json
import math
import shutil
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from cdfi_runtime.errors import InputError, OutputError
from numpy.lib.format import open_memmap

from .clips import MANIFEST, ClipInfo, decode_clip, read_manifest
from .dis_flow import FlowLabeller
from .folder import scan_folder
from .pack import SCHEMA, VERSION, Pack
from .triplet_plan import STRIDES, Frame, TripletSpec, balance_groups, plan_clip

GROUP_SHARE = 0.05  # of the pack, for one group; relaxed when the groups are too few

Progress = Callable[[str], None]


def pack_triplets(
    folder: str | Path,
    out: str | Path,
    *,
    split: str,
    count: int,
    crop: int = 256,
    seed: int = 0,
    exclude_groups: Sequence[str] = ("city",),
    progress: Progress | None = None,
) -> Pack:
    """Choose `count` triplets of a split's clips and write them to the new folder `out`.

    `folder` holds the clips and their manifest; without a manifest, clips are split by name and
    their cuts are looked for (:mod:`cdfi_model.data.folder`). Triplets are at strides 1 to 3,
    cross no cut, hold no duplicate frame, favour motion, and are spread over the groups. Fewer
    than `count` are written when the clips don't hold as many. Clips that can't be used are left
    out and listed in the index under summary / skipped; those that end early are used as far as
    they go and listed under summary / notes. `progress` gets one line of text now and then.
    The same clips and arguments give the same pack.
    Raises `InputError` for arguments or clips from which nothing can be packed, `OutputError`
    when `out` exists or can't be written.
    """
    if count < 1 or crop < 32 or crop % 2:
        raise InputError(
            "the pack's size is out of range",
            expected="count of at least 1, an even crop of at least 32",
            got=f"count {count}, crop {crop}",
        )
    target = Path(out)
    if target.exists():
        raise OutputError(
            "the pack's folder exists already",
            expected="a path where nothing is",
            got=str(target),
            fix="remove it or name another",
        )
    say = progress or _silent
    clips = _clips(Path(folder), split, exclude_groups, say)
    notes: dict[str, str] = {}
    pool, skipped = _plan(clips, count, crop, seed, say, notes)
    specs = balance_groups(pool, count)
    if not specs:
        raise InputError(
            f"no triplet can be packed from split {split!r}",
            expected="clips with motion, at least as large as the crop",
            got="; ".join(skipped.values()) or "no usable triplet",
        )
    rows = np.random.default_rng(seed).permutation(len(specs))
    ordered = [specs[int(row)] for row in rows]
    index = {
        "schema": SCHEMA,
        "version": VERSION,
        "split": split,
        "seed": seed,
        "crop": crop,
        "count": len(ordered),
        "summary": _summary(ordered, count, skipped, notes),
        "triplets": [_entry(spec) for spec in ordered],
    }
    temporary = target.with_name(target.name + ".partial")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        _write_arrays(temporary, ordered, crop, say)
        (temporary / "index.json").write_text(json.dumps(index, indent=1) + "\n", "utf-8")
        temporary.rename(target)
    except OSError as error:
        raise OutputError(
            f"the pack {target} can't be written",
            got=str(error),
            fix="check the disk's space and the folder's permissions",
        ) from error
    say(f"packed {len(ordered)} triplets")
    return Pack.open(target)


def _silent(line: str) -> None:
    del line


def _clips(folder: Path, split: str, exclude: Sequence[str], say: Progress) -> list[ClipInfo]:
    listed = (folder / MANIFEST).is_file()
    found = read_manifest(folder) if listed else scan_folder(folder, split, say)
    shared = {clip.group for clip in found if clip.split == split} & {
        clip.group for clip in found if clip.split != split
    }
    if shared:
        raise InputError(
            "groups of clips are in several splits",
            expected="every group in one split, so that held-out scenes are never trained on",
            got=", ".join(sorted(shared)),
            fix=f"correct the column split in {folder / MANIFEST}",
        )
    clips = [clip for clip in found if clip.split == split and clip.group not in exclude]
    if not clips:
        raise InputError(
            f"there are no clips of split {split!r}",
            got=f"{MANIFEST} in {folder}" if listed else f"{folder}, split by name",
            fix=f"check the split, or write a {MANIFEST} that names one for each clip",
        )
    return clips


def _plan(
    clips: list[ClipInfo],
    count: int,
    crop: int,
    seed: int,
    say: Progress,
    notes: dict[str, str],
) -> tuple[list[TripletSpec], dict[str, str]]:
    lengths: Counter[str] = Counter()
    for clip in clips:
        lengths[clip.group] += max(1, clip.frames)
    per_group = math.ceil(max(GROUP_SHARE * count, 2 * count / len(lengths)))
    pool: list[TripletSpec] = []
    skipped: dict[str, str] = {}
    for number, clip in enumerate(clips, 1):
        budget = math.ceil(1.3 * per_group * max(1, clip.frames) / lengths[clip.group])
        try:
            found = plan_clip(clip, crop=crop, budget=budget, seed=seed, notes=notes)
        except InputError as error:
            skipped[clip.name] = f"{error.problem} ({error.got})"
            say(f"left out {clip.name}: {skipped[clip.name]}")
            continue
        if clip.name in notes:
            say(f"{clip.name} {notes[clip.name]}")
        pool += found
        say(f"chose {len(found)} of {clip.name} ({number} of {len(clips)})")
    return pool, skipped


def _write_arrays(root: Path, specs: list[TripletSpec], crop: int, say: Progress) -> None:
    half = crop // 2
    frames = open_memmap(root / "frames.npy", "w+", np.uint8, (len(specs), 3, crop, crop, 3))
    flows = open_memmap(root / "flows.npy", "w+", np.float16, (len(specs), 2, half, half, 2))
    label = FlowLabeller()
    by_clip: dict[ClipInfo, list[int]] = defaultdict(list)
    for row, spec in enumerate(specs):
        by_clip[spec.clip].append(row)
    done = 0
    for clip, rows in by_clip.items():
        ends: dict[int, list[int]] = defaultdict(list)
        for row in rows:
            ends[specs[row].frame + 2 * specs[row].stride].append(row)
        recent: deque[tuple[int, Frame]] = deque(maxlen=2 * max(STRIDES) + 1)
        for index, frame in decode_clip(clip):
            recent.append((index, frame))
            held = dict(recent)
            for row in ends.get(index, ()):
                spec = specs[row]
                triplet = [held[spec.frame + step * spec.stride] for step in range(3)]
                square = np.s_[spec.y : spec.y + crop, spec.x : spec.x + crop]
                frames[row] = np.stack([image[square] for image in triplet])
                flows[row] = label(triplet[0], triplet[1], triplet[2], spec.y, spec.x, crop)
            if index >= max(ends):
                break
        done += len(rows)
        say(f"wrote {done} of {len(specs)} triplets")
    frames.flush()
    flows.flush()


def _summary(
    specs: list[TripletSpec], asked: int, skipped: dict[str, str], notes: dict[str, str]
) -> dict[str, Any]:
    groups = Counter(spec.clip.group for spec in specs)
    return {
        "asked": asked,
        "groups": dict(sorted(groups.items())),
        "largest_group_share": round(max(groups.values()) / len(specs), 4),
        "strides": dict(sorted(Counter(str(spec.stride) for spec in specs).items())),
        "mean_average_psnr": round(sum(s.average_psnr for s in specs) / len(specs), 3),
        "skipped": skipped,
        "notes": notes,
    }


def _entry(spec: TripletSpec) -> dict[str, Any]:
    return {
        "clip": spec.clip.name,
        "group": spec.clip.group,
        "licence": spec.clip.licence,
        "frame": spec.frame,
        "stride": spec.stride,
        "y": spec.y,
        "x": spec.x,
        "scale": spec.scale,
        "average_psnr": spec.average_psnr,
    }
