"""The ONNX files that ``cdfi-bench fused`` compares, written as exports write them.

Each call runs in a process of its own: tracing leaves memory behind that is not the graph's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cdfi_export.frame_size import FrameSize
from cdfi_runtime.apart import Send

FUSED, CUT, PORTABLE, INT8, EAGER = "fused", "cut", "portable", "int8", "eager"


@dataclass(frozen=True)
class FusedFacts:
    """What the files were made of.

    Attributes:
        weights: Where they come from, for people.
        warps: Warp formulation by variant; nothing for the one without a warp.
        conv_macs: Multiply-accumulates of a frame in convolutions and matrix products.
        level: Instruction set that the native library takes here.
        remarks: Of the int8 export, e.g. the layers it kept.
    """

    weights: str
    warps: dict[str, str]
    conv_macs: int
    level: str
    remarks: tuple[str, ...]


def write_variants(
    send: Send, network: str, size: FrameSize, variants: tuple[str, ...], folder: Path
) -> FusedFacts:
    """Write ``variants`` as ``VARIANT.onnx`` into ``folder``; each is sent when it is there.

    Args:
        send: See :func:`cdfi_runtime.apart.run_apart`.
        network: Registered network; with its shipped weights, or random ones by seed 0.
        size: Of the frames, a multiple of what the network needs.
        variants: Of :data:`FUSED`, :data:`CUT`, :data:`PORTABLE` and :data:`INT8`.
        folder: It exists.

    Raises:
        UnknownNameError: no such network.
        NativeError: the native library is not there.
    """
    import onnx
    from cdfi_export.calibration import calibration_pairs
    from cdfi_export.describe import draft_manifest
    from cdfi_export.format_spec import GraphRequest
    from cdfi_export.onnx_build import build
    from cdfi_export.options import ExportOptions
    from cdfi_export.plan import make_plans
    from cdfi_export.source import load_source
    from cdfi_model.cost import count_macs
    from cdfi_runtime import native

    from cdfi_bench.fused_cut import cut_warps

    level = native.dispatch()
    source = load_source(network, None, None)
    warps: dict[str, str] = {}
    remarks: tuple[str, ...] = ()
    fused: onnx.ModelProto | None = None
    for variant in variants:
        int8 = variant == INT8
        options = ExportOptions(
            network=network,
            sizes=(size,),
            precision=INT8 if int8 else None,
            warp="auto" if variant == PORTABLE else FUSED,
        )
        (plan,) = make_plans(options, source.network.spec)
        if variant == CUT and fused is not None:
            model = cut_warps(fused)
        else:
            source.network.formulation = plan.warp.name
            request = GraphRequest(
                network=source.network,
                size=size,
                opset=plan.opset,
                precision=plan.precision,
                license=source.license,
                manifest=draft_manifest(source, plan),
                calibration=calibration_pairs(None, size, count=1) if int8 else (),
            )
            model, written = build(request)
            remarks = written.remarks if int8 else remarks
            fused = model if variant in (FUSED, CUT) else fused
            model = cut_warps(model) if variant == CUT else model
        if variant != CUT:
            warps[variant] = plan.warp.name
        onnx.save(model, folder / f"{variant}.onnx")
        send(variant)
    macs = count_macs(source.network, size.height, size.width, sampling=False)
    return FusedFacts(source.origin, warps, macs, level, remarks)
