"""Which row of NEW is which row of BASE."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from cdfi_runtime.errors import InputError

from cdfi_bench.compare.report import RowKey
from cdfi_bench.compare.sides import Entry, Side

_NOT_TOLD = "the row does not tell"


@dataclass(frozen=True)
class Matched:
    """The same row on both sides; ``None`` on the side that lacks it."""

    key: RowKey
    base: Entry | None
    new: Entry | None


def match(base: Side, new: Side) -> list[Matched]:
    """Rows side by side: those of BASE in their order, then the new ones.

    What failed before it was opened tells neither size nor runtime, so such a row stands for every
    row of the other side that has no partner and does not contradict it.

    Raises:
        InputError: two rows of one side have the same key.
    """
    by_serial = any(_recurring(_keys(side, by_serial=False)) for side in (base, new))
    old_keys, new_keys = (_keys(side, by_serial=by_serial) for side in (base, new))
    for side, keys in ((base, old_keys), (new, new_keys)):
        _refuse_duplicates(side, keys)
    waiting: dict[str, list[int]] = {}
    for index, key in enumerate(new_keys):
        waiting.setdefault(key.model_dump_json(), []).append(index)
    pairs: dict[int, int] = {}
    for index, key in enumerate(old_keys):
        if same := waiting.get(key.model_dump_json()):
            pairs[index] = same.pop(0)
    alone = [index for index in range(len(new_keys)) if index not in pairs.values()]
    for index, key in enumerate(old_keys):
        fitting = [each for each in alone if _may_be_same(key, new_keys[each])]
        if index not in pairs and fitting:
            unused = [each for each in fitting if each not in pairs.values()]
            pairs[index] = (unused or fitting)[0]
    taken = set(pairs.values())
    found = [
        Matched(key, base.entries[index], new.entries[pairs[index]] if index in pairs else None)
        for index, key in enumerate(old_keys)
    ]
    found += [
        Matched(key, None, new.entries[index])
        for index, key in enumerate(new_keys)
        if index not in taken
    ]
    return found


def row_key(entry: Entry, *, by_serial: bool = False) -> RowKey:
    """By what a row is known again; what failed early knows little of itself."""
    row = entry.row
    artifact, given, backend = row.artifact, row.input, row.backend
    device = row.device or entry.report.device
    named = device.model or device.name
    if by_serial:
        named = f"{named} {device.serial or device.name}"
    told = {
        "network": artifact and artifact.network,
        "format": artifact and artifact.format,
        "precision": artifact and artifact.precision,
        "form": artifact and artifact.form,
        "sizes": given and tuple(sorted(given.sizes)),
        "image_set": given and given.image_set,
        "runtime": backend and backend.runtime,
        "accelerator": backend and backend.accelerator_requested,
        "threads": backend and backend.threads,
    }
    return RowKey.model_validate(
        {
            **told,
            "kind": entry.report.kind,
            "subject": row.subject,
            "device_kind": device.kind,
            "device": named,
            "unmeasured": {name: _NOT_TOLD for name, value in told.items() if value is None},
        }
    )


def describe(key: RowKey) -> str:
    """A key for readers: what tells it from its neighbours."""
    sizes = [", ".join(f"{width}x{height}" for width, height in key.sizes)] if key.sizes else []
    threads = [f"{key.threads} threads" if key.threads != 1 else "1 thread"] if key.threads else []
    accelerator = [key.accelerator] if key.accelerator not in (None, "auto") else []
    device = [key.device] if (key.device_kind, key.device) != ("local", "local") else []
    images = [key.image_set] if key.image_set and key.kind != "latency" else []
    runtime = [key.runtime] if key.runtime else []
    parts = [*images, *sizes, *device, *runtime, *accelerator, *threads]
    return " · ".join([key.kind, key.subject, *(part for part in parts if part)])


def _keys(side: Side, *, by_serial: bool) -> list[RowKey]:
    return [row_key(entry, by_serial=by_serial) for entry in side.entries]


def _recurring(keys: list[RowKey]) -> list[RowKey]:
    """Keys that stand there more than once; a row that tells nothing of itself may."""
    counts = Counter(key.model_dump_json() for key in keys)
    return [key for key in keys if key.sizes is not None and counts[key.model_dump_json()] > 1]


def _refuse_duplicates(side: Side, keys: list[RowKey]) -> None:
    for key in _recurring(keys):
        files = [
            entry.file
            for entry, each in zip(side.entries, keys, strict=True)
            if each.model_dump_json() == key.model_dump_json()
        ]
        raise InputError(
            f"{side.name} holds the same row {len(files)} times: {describe(key)}",
            expected="each artifact, size, device, runtime and number of threads once",
            got=", ".join(files),
            fix="compare one report at a time, or remove what was measured twice",
        )


_ALWAYS = ("kind", "subject", "device_kind", "device")
_TOLD = (
    *("network", "format", "precision", "form", "sizes"),
    *("image_set", "runtime", "accelerator", "threads"),
)


def _may_be_same(one: RowKey, other: RowKey) -> bool:
    if any(getattr(one, name) != getattr(other, name) for name in _ALWAYS):
        return False
    if one.sizes is not None and other.sizes is not None:
        return False  # both know what they are, and they are not the same
    return all(
        getattr(one, name) == getattr(other, name)
        for name in _TOLD
        if getattr(one, name) is not None and getattr(other, name) is not None
    )
