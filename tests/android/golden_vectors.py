"""The golden vectors of ``android_demo/core``: what the Python packages compute and Kotlin matches.

``python tests/android/golden_vectors.py`` writes them anew; a test on either side compares.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from cdfi_model.data.layouts import video
from cdfi_runtime.errors import ArtifactError
from cdfi_runtime.frames import round_to_uint8, to_network
from cdfi_runtime.images import read_image
from cdfi_runtime.manifest import parse_manifest
from cdfi_runtime.middle import raw_middle
from cdfi_runtime.padding import pad
from cdfi_runtime.runtimes import open_artifact
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "android_demo" / "core" / "src" / "test" / "resources" / "golden"
ASSETS = ROOT / "runtime" / "cdfi_runtime" / "assets"
SAMPLES = ROOT / "runtime" / "cdfi_runtime" / "samples"
Bytes = NDArray[np.uint8]
BITS = 16


def noise(width: int, height: int, seed: int) -> Bytes:
    """An RGB frame of the high bytes of a linear congruential generator; Kotlin makes the same."""
    state, values = seed, []
    for _ in range(3 * width * height):
        state = (state * 1664525 + 1013904223) % 2**32
        values.append(state >> 24)
    return np.array(values, np.uint8).reshape(height, width, 3)


def text(values: NDArray[Any]) -> str:
    """Bytes of an array in base64; floats are little-endian."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


# Luma weights of red and blue, from ITU-R BT.601-7 and BT.709-6.
MATRICES = {"BT601": (0.299, 0.114), "BT709": (0.2126, 0.0722)}
RANGES = {"LIMITED": (16, 219 / 255, 224 / 255), "FULL": (0, 1.0, 1.0)}


def yuv_formula(matrix: str, range_: str) -> NDArray[np.float64]:
    """The 3x3 matrix from RGB to YUV of the standard, all in 8-bit steps, offsets left out."""
    (red, blue), (_, luma, chroma) = MATRICES[matrix], RANGES[range_]
    y = np.array([red, 1 - red - blue, blue])
    u = (np.array([0, 0, 1]) - y) / (2 * (1 - blue))
    v = (np.array([1, 0, 0]) - y) / (2 * (1 - red))
    return np.stack([y * luma, u * chroma, v * chroma])


def fixed(value: float) -> int:
    """In 16 fractional bits, halves up."""
    return int(np.floor(value * 2**BITS + 0.5))


def to_yuv(frame: Bytes, matrix: str, range_: str) -> tuple[Bytes, Bytes, Bytes]:
    """YUV 420 planes in the fixed point that ``YuvConverter`` documents."""
    black = RANGES[range_][0]
    luma_scale = RANGES[range_][1]
    (yr, _, yb), (ur, _, ub), (vr, _, vb) = yuv_formula(matrix, range_)
    ky = [fixed(yr), fixed(luma_scale) - fixed(yr) - fixed(yb), fixed(yb)]
    ku = [fixed(ur), -fixed(ur) - fixed(ub), fixed(ub)]
    kv = [fixed(vr), -fixed(vr) - fixed(vb), fixed(vb)]
    wide = frame.astype(np.int64)
    height, width = frame.shape[:2]
    y = np.clip(black + ((wide @ ky + 2 ** (BITS - 1)) >> BITS), 0, 255)
    rows, columns = (-(-height // 2) * 2, -(-width // 2) * 2)
    even = np.pad(wide, ((0, rows - height), (0, columns - width), (0, 0)), mode="edge")
    blocks = even.reshape(rows // 2, 2, columns // 2, 2, 3).sum((1, 3))
    u, v = (np.clip(128 + ((blocks @ k + 2 ** (BITS + 1)) >> (BITS + 2)), 0, 255) for k in (ku, kv))
    return y.astype(np.uint8), u.astype(np.uint8), v.astype(np.uint8)


def to_rgb(y: Bytes, u: Bytes, v: Bytes, matrix: str, range_: str) -> Bytes:
    """The colours of YUV 420 planes, likewise."""
    (red, blue), (black, luma, chroma) = MATRICES[matrix], RANGES[range_]
    green = 1 - red - blue
    height, width = y.shape
    full = [np.repeat(np.repeat(p, 2, 0), 2, 1)[:height, :width].astype(np.int64) for p in (u, v)]
    cu, cv = (plane - 128 for plane in full)
    base = (y.astype(np.int64) - black) * fixed(1 / luma) + 2 ** (BITS - 1)
    channels = (
        base + fixed(2 * (1 - red) / chroma) * cv,
        base
        + fixed(-2 * (1 - blue) * blue / green / chroma) * cu
        + fixed(-2 * (1 - red) * red / green / chroma) * cv,
        base + fixed(2 * (1 - blue) / chroma) * cu,
    )
    return np.stack([np.clip(each >> BITS, 0, 255) for each in channels], -1).astype(np.uint8)


def yuv_vectors() -> list[dict[str, Any]]:
    """Both directions, at even and odd sizes; colours that no RGB has come from the noise."""
    vectors = []
    for matrix in MATRICES:
        for range_ in RANGES:
            for width, height in ((8, 6), (5, 3), (1, 1)):
                frame = noise(width, height, seed=width)
                y, u, v = to_yuv(frame, matrix, range_)
                half = (-(-height // 2), -(-width // 2))
                any_y = noise(width, height, seed=90)[..., 0]
                any_u, any_v = (noise(*half[::-1], seed=seed)[..., 0] for seed in (91, 92))
                rgb = to_rgb(any_y, any_u, any_v, matrix, range_)
                vectors.append(
                    {
                        "matrix": matrix,
                        "range": range_,
                        "width": width,
                        "height": height,
                        "rgb": text(frame),
                        "yuv": [text(each) for each in (y, u, v)],
                        "any_yuv": [text(each) for each in (any_y, any_u, any_v)],
                        "any_rgb": text(rgb),
                    }
                )
    return vectors


def tensor_vectors() -> list[dict[str, Any]]:
    """Frames as padded tensors, and raw outputs as frames."""
    vectors = []
    for width, height, full in ((6, 5, (8, 8)), (1, 3, (4, 8)), (3, 2, (16, 8)), (8, 8, (8, 8))):
        frame = noise(width, height, seed=width + 7)
        for mode in ("reflect", "replicate"):
            packed = pad(to_network(frame), full[1], full[0], mode)  # type: ignore[arg-type]
            generator = np.random.default_rng(width)
            raw = generator.uniform(-0.2, 1.2, packed.shape).astype(np.float32)
            # Halves between two levels, and their neighbours in single precision.
            halves = ((np.arange(raw.size) % 256 + 0.5) / 255).astype(np.float32)
            raw.reshape(-1)[::3] = halves[::3]
            raw.reshape(-1)[1::3] = np.nextafter(halves, np.float32(-1))[1::3]
            picture = round_to_uint8(raw[0].transpose(1, 2, 0)[:height, :width])
            vectors.append(
                {
                    "width": width,
                    "height": height,
                    "mode": mode,
                    "graph": list(full),
                    "rgb": text(frame),
                    "nchw": text(packed.astype("<f4")),
                    "nhwc": text(packed.transpose(0, 2, 3, 1).astype("<f4")),
                    "raw_nchw": text(raw.astype("<f4")),
                    "raw_nhwc": text(raw.transpose(0, 2, 3, 1).astype("<f4")),
                    "picture": text(picture),
                }
            )
    return vectors


def thumbnail_vectors() -> list[dict[str, Any]]:
    """Thumbnails of noise frames, smaller and larger than they are."""
    return [
        {
            "width": width,
            "height": height,
            "seed": 5,
            "grey": text(video._thumbnail(noise(width, height, 5)).astype(np.uint8)),
        }
        for width, height in ((64, 36), (37, 23), (20, 11), (101, 57), (32, 18), (1, 1), (192, 18))
    ]


def cut_vectors() -> dict[str, Any]:
    """The thresholds, and triplets of flat grey levels by the rule for three frames."""
    levels = [(0, 0, 30), (0, 4, 8), (0, 1, 12), (0, 2, 10), (10, 10, 19), (0, 24, 25), (0, 9, 12)]
    levels += [(50, 49, 58), (50, 47, 60), (0, 0, 24), (0, 0, 25), (9, 9, 17), (9, 9, 18)]
    flat = [[np.full((18, 32, 3), level, np.uint8) for level in triple] for triple in levels]
    return {
        "cut_levels": video.CUT_LEVELS,
        "jump_levels": video.JUMP_LEVELS,
        "jump_ratio": video.JUMP_RATIO,
        "triplets": [
            {"levels": triple, "cut": bool(video._crosses_cut(*frames))}
            for triple, frames in zip(levels, flat, strict=True)
        ],
    }


def statistics_vectors() -> list[dict[str, Any]]:
    """What the reports say of samples."""
    from cdfi_bench.latency.statistics import slowdown

    vectors = []
    for count in (1, 2, 3, 9, 10, 31, 100):
        samples = np.random.default_rng(count).lognormal(-3, 0.4, count).tolist()
        percentiles = {str(q): float(np.percentile(samples, q)) for q in (0, 50, 90, 99, 100)}
        vectors.append(
            {"samples": samples, "percentiles": percentiles, "slowdown": slowdown(samples)}
        )
    return vectors


def full_manifest() -> dict[str, Any]:
    """One manifest with every field."""
    source = (ASSETS / "default.onnx.manifest.json").read_text(encoding="utf-8")
    raw: dict[str, Any] = parse_manifest(source, "default").model_dump(mode="json")
    raw["network"]["spec"] = {"kind": "pyramid"}
    raw["network"] |= {"macs": 123, "macs_size": [448, 256]}
    raw["artifact"] |= {"opset": 17, "portable": "other.onnx"}
    raw["warp"]["offsets"] = "shared"
    raw["graph"] = {"operators": {"Conv": 3}, "remarks": ["one"]}
    raw["tools"] = {"onnx": "1"}
    raw["tiling"] = {"halo": 16, "exact": True}
    raw["parity"] = raw["parity"][:1]
    raw["parity"][0] |= {"lost_db": 0.1, "lost_limit_db": 0.2, "reason": "why", "psnr_db": 99.5}
    return raw


WRONG: list[tuple[list[Any], Any]] = [
    (["schema_version"], 2),
    (["time_step"], 0.25),
    (["network", "weights_sha256"], "abc"),
    (["artifact", "sha256"], "A" * 64),
    (["artifact", "bytes"], 0),
    (["artifact", "form"], "thin"),
    (["warp", "sampling"], "cubic"),
    (["warp", "offsets"], "none"),
    (["warp", "taps"], 0),
    (["warp", "dilation"], 0),
    (["padding", "multiple"], 0),
    (["padding", "mode"], "zeros"),
    (["padding", "align"], "centre"),
    (["tiling", "halo"], -1),
    (["inputs", 0, "layout"], "HWC"),
    (["inputs", 0, "value_range"], [0.0]),
    (["network", "macs_size"], [1, 2, 3]),
    (["parity", 0, "verdict"], "maybe"),
    (["network", "parameters"], -1),
    (["artifact", "opset"], 17.5),
]


def manifest_cases() -> dict[str, Any]:
    """Changes to a full manifest, and whether the Python reader accepts what comes of them.

    Each field is left out, made null, made of another type; each object gets a field too many.
    """
    full = full_manifest()
    cases: list[dict[str, Any]] = [{"op": "none", "path": []}]
    for path, value in _walk(full, []):
        if isinstance(path[-1], str):
            cases += [{"op": "remove", "path": path}, {"op": "null", "path": path}]
            other: Any = [{}] if not isinstance(value, list) else {"a": 1}
            cases.append({"op": "set", "path": path, "value": other})
        if isinstance(value, dict) and path[-1] not in ("spec", "operators", "tools"):
            cases.append({"op": "set", "path": [*path, "surplus"], "value": 1})
    cases.append({"op": "set", "path": ["surplus"], "value": 1})
    cases += [{"op": "set", "path": path, "value": value} for path, value in WRONG]
    for case in cases:
        case["accepted"] = _accepts(_changed(full, case))
    return {"manifest": full, "cases": cases}


def _walk(value: Any, path: list[Any]) -> list[tuple[list[Any], Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    found: list[tuple[list[Any], Any]] = []
    for key, item in items:
        here = [*path, key]
        found.append((here, item))
        inside = isinstance(item, dict) and key not in ("spec", "operators", "tools")
        if inside or key in ("inputs", "outputs", "parity"):
            found += _walk(item, here)
    return found


def _changed(full: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    raw: Any = json.loads(json.dumps(full))
    if case["op"] == "none":
        return dict(raw)
    *way, last = case["path"]
    inner = raw
    for key in way:
        inner = inner[key]
    if case["op"] == "remove":
        del inner[last]
    else:
        inner[last] = case.get("value")
    return dict(raw)


def _accepts(raw: dict[str, Any]) -> bool:
    try:
        parse_manifest(json.dumps(raw), "case")
    except ArtifactError:
        return False
    return True


WIDTH, HEIGHT = 72, 40  # no multiples of 32: padding and crop take part


def pair_frames() -> tuple[Bytes, Bytes]:
    """The middle of the sample pair that travels with the runtime."""
    frames = [read_image(SAMPLES / f"city_{time}.png") for time in (0, 2)]
    top, left = (frames[0].shape[0] - HEIGHT) // 2, (frames[0].shape[1] - WIDTH) // 2
    first, second = (frame[top : top + HEIGHT, left : left + WIDTH].copy() for frame in frames)
    return first, second


def pair_vectors() -> dict[str, bytes]:
    """A pair, the hash of its tensors, the network's raw output and the runtime's picture."""
    session = open_artifact(ASSETS / "default.onnx", threads=1)
    seen: list[NDArray[np.float32]] = []

    class Recorded:
        manifest = session.manifest

        def run(self, frame0: Any, frame2: Any) -> Any:
            output = session.run(frame0, frame2)
            seen.extend((frame0, frame2, output))
            return output

    first, second = pair_frames()
    raw = raw_middle(Recorded(), to_network(first), to_network(second))  # type: ignore[arg-type]
    hashes = [hashlib.sha256(each.astype("<f4").tobytes()).hexdigest() for each in seen[:2]]
    facts = {"width": WIDTH, "height": HEIGHT, "input_sha256": hashes}
    return {
        "pair.json": dump(facts | {"output_shape": list(seen[2].shape)}),
        "pair_manifest.json": (ASSETS / "default.onnx.manifest.json").read_bytes(),
        "pair_first.rgb": first.tobytes(),
        "pair_second.rgb": second.tobytes(),
        "pair_output.f32": seen[2].astype("<f4").tobytes(),
        "pair_middle.rgb": round_to_uint8(raw[0].transpose(1, 2, 0)).tobytes(),
    }


def dump(content: Any) -> bytes:
    """JSON for a golden file."""
    return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode()


EXACT: dict[str, Callable[[], Any]] = {
    "yuv.json": yuv_vectors,
    "tensors.json": tensor_vectors,
    "thumbnails.json": thumbnail_vectors,
    "cuts.json": cut_vectors,
    "statistics.json": statistics_vectors,
    "manifests.json": manifest_cases,
}


def main() -> None:
    """Write all vectors."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, make in EXACT.items():
        (FOLDER / name).write_bytes(dump(make()))
    for name, content in pair_vectors().items():
        (FOLDER / name).write_bytes(content)


if __name__ == "__main__":
    main()
