"""ONNX and ORT files on ONNX Runtime: its CPU provider, or another one that is asked for."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cdfi_runtime import native
from cdfi_runtime.errors import ArtifactError, InputError, first_line
from cdfi_runtime.files import require_file, sha256_file
from cdfi_runtime.manifest import (
    Manifest,
    TensorInfo,
    load_manifest,
    manifest_path,
    parse_manifest,
)
from cdfi_runtime.native import NativeError
from cdfi_runtime.ort_operators import has_native_operators, register_operators
from cdfi_runtime.portable import in_its_place, portable_file
from cdfi_runtime.runtimes import AUTO, RUNTIMES, RuntimeSpec

# Pixels. What a frame leaves in the arena does not fit the next one exactly, which takes cdfi from
# 1.4 to 1.6 GB at this size; giving it back costs some per cent of the time.
LARGE_FRAME = 1280 * 720
EMBEDDED_KEY = "cdfi_manifest"
CPU = "cpu"
_CPU_PROVIDER = "CPUExecutionProvider"
_RECORD_ASSIGNMENT = "session.record_ep_graph_assignment_info"
_TYPES = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(uint8)": "uint8"}


class OnnxSession:
    """An ONNX artifact opened by ONNX Runtime; see :class:`cdfi_runtime.runtimes.Session`.

    Args:
        path: The ``.onnx`` or ``.ort`` file. Its manifest lies beside it; when that is missing, the
            copy in the file's own metadata is used, which a hash cannot guard.
        threads: Threads within an operator; ``None`` leaves the choice to ONNX Runtime.
        accelerator: An execution provider's name without its ending, e.g. ``"cuda"``, in small
            letters; ``"auto"`` is the CPU's. What it does not take runs on the CPU.

    A graph with the native operators needs the native library. Where that is missing, the portable
    file beside it is opened in its place; :attr:`fallback` says so, and :attr:`manifest` is that
    file's.

    Raises:
        InputError: the file is missing or empty.
        NativeError: the native library is missing, and so is the portable file.
        ArtifactError: no ONNX model, no manifest, a hash that does not match, or inputs and outputs
            other than the manifest's.
        MissingDependencyError: onnxruntime is not installed.
    """

    runtime = "onnxruntime"

    def __init__(self, path: Path, threads: int | None = None, accelerator: str = AUTO) -> None:
        require_file(path, "the ONNX artifact")
        beside = load_manifest(path) if manifest_path(path).exists() else None
        try:
            import onnxruntime
        except ImportError as error:
            raise SPEC.missing() from error
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors only; each becomes an exception below anyway
        options.intra_op_num_threads = threads or 0
        options.inter_op_num_threads = 1
        # Planned memory comes as one block on the second frame of a size, beside what the first
        # one left in the arena: double the memory, and slower.
        options.enable_mem_pattern = False
        # Nor buffers shared by plan: one is then held from its first use to its last, which costs
        # cdfi a third more memory at 1280x720, and saves no time that can be measured.
        options.enable_mem_reuse = False
        options.add_session_config_entry(_RECORD_ASSIGNMENT, "1")
        missing = _register_operators(options, beside)
        if missing is not None:
            assert beside is not None
            path = portable_file(path, beside, missing)
            beside = load_manifest(path)
        asked = CPU if accelerator == AUTO else accelerator
        provider = _provider(asked, onnxruntime.get_available_providers())
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), sess_options=options, providers=provider
            )
        except Exception as error:  # its exceptions share no base class
            raise ArtifactError(
                f"{path.name} is no ONNX model that ONNX Runtime can load",
                expected=f"a complete .onnx file for ONNX Runtime {onnxruntime.__version__}",
                got=first_line(error),
                fix="copy or export it again",
            ) from error
        self.manifest = beside or _embedded_manifest(self._session, path)
        _check_tensors(path.name, "inputs", self.manifest.inputs, self._session.get_inputs(), 2)
        _check_tensors(path.name, "outputs", self.manifest.outputs, self._session.get_outputs(), 1)
        self.version: str = onnxruntime.__version__
        nodes = _nodes_by_provider(self._session)
        self.accelerator = _in_words(nodes)
        if has_native_operators(self.manifest.graph.operators):
            self.accelerator += f", native warp ({native.dispatch()})"
        reasons = [_fallback(asked, nodes, onnxruntime.get_available_providers())]
        if missing is not None:
            reasons.append(in_its_place(path, missing))
        self.fallback = "; ".join(text for text in reasons if text) or None

    def _run_options(self, pixels: int) -> Any:
        """Give memory back after a large frame; small ones are quicker when it is kept."""
        if pixels < LARGE_FRAME or sys.maxsize < 2**32:  # 32-bit builds have no arena
            return None
        import onnxruntime

        options = onnxruntime.RunOptions()
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        return options

    def run(self, frame0: NDArray[np.float32], frame2: NDArray[np.float32]) -> NDArray[np.float32]:
        """The raw middle frame; see :meth:`cdfi_runtime.runtimes.Session.run`.

        Raises:
            InputError: ONNX Runtime cannot run the graph on these frames, e.g. for lack of memory.
        """
        names = [tensor.name for tensor in self.manifest.inputs]
        try:
            (raw,) = self._session.run(
                [self.manifest.outputs[0].name],
                dict(zip(names, (frame0, frame2), strict=True)),
                self._run_options(frame0.shape[-1] * frame0.shape[-2]),
            )
        except Exception as error:
            raise InputError(
                f"ONNX Runtime failed on frames of {frame0.shape[-1]}x{frame0.shape[-2]} pixels",
                got=first_line(error),
                fix="try smaller frames; if that fails too, export the artifact again",
            ) from error
        return np.asarray(raw)


def _register_operators(options: Any, manifest: Manifest | None) -> NativeError | None:
    """Give the session our own operators if its graph has any; says what stands against it.

    Without a manifest beside the file nobody knows yet, so they are given if they are there.
    """
    needed = manifest is not None and has_native_operators(manifest.graph.operators)
    if manifest is not None and not needed:
        return None
    try:
        register_operators(options)
    except NativeError as error:
        return error if needed else None
    return None


def _short(provider: str) -> str:
    return provider.removesuffix("ExecutionProvider").lower()


def _provider(asked: str, available: list[str]) -> list[str]:
    """The provider that is asked for, if there is one, and the CPU's for what it leaves."""
    chosen = [name for name in available if _short(name) == asked]
    return list(dict.fromkeys([*chosen, _CPU_PROVIDER]))


def _nodes_by_provider(session: Any) -> dict[str, int]:
    """How many nodes each provider really took. ONNX Runtime tells since 1.24."""
    if not hasattr(session, "get_provider_graph_assignment_info"):
        return dict.fromkeys((_short(name) for name in session.get_providers()[:1]), 0)
    counts: Counter[str] = Counter()
    for part in session.get_provider_graph_assignment_info():
        counts[_short(part.ep_name)] += len(part.get_nodes())
    return dict(counts)


def _in_words(nodes: dict[str, int]) -> str:
    if len(nodes) <= 1:
        return next(iter(nodes), CPU)
    total = sum(nodes.values())
    return ", ".join(f"{name} ({count} of {total} nodes)" for name, count in nodes.items())


def _fallback(asked: str, nodes: dict[str, int], available: list[str]) -> str | None:
    if asked not in map(_short, available):
        able = ", ".join(sorted(map(_short, available)))
        return f"this ONNX Runtime has no provider '{asked}', only {able}"
    left = sum(count for name, count in nodes.items() if name != asked)
    if asked not in nodes:
        return f"'{asked}' took no node"
    return f"'{asked}' left {left} nodes to others" if left else None


def _embedded_manifest(session: Any, path: Path) -> Manifest:
    text = session.get_modelmeta().custom_metadata_map.get(EMBEDDED_KEY)
    if text is None:
        raise ArtifactError(
            f"{path.name} is not an artifact of this project",
            expected=f"a manifest beside it ({manifest_path(path).name}) or inside it",
            got="an ONNX file without either",
            fix="export the network with cdfi-export",
        )
    manifest = parse_manifest(text, f"inside {path.name}")
    # A file cannot hold its own hash: the copy inside has placeholders where the file's facts go.
    facts = {"file": path.name, "sha256": sha256_file(path), "bytes": path.stat().st_size}
    return manifest.model_copy(update={"artifact": manifest.artifact.model_copy(update=facts)})


def _check_tensors(
    file: str, what: str, expected: tuple[TensorInfo, ...], actual: list[Any], count: int
) -> None:
    if len(expected) != count:
        raise ArtifactError(
            f"the manifest of {file} has the wrong number of {what}",
            expected=str(count),
            got=str(len(expected)),
        )
    odd = [item.name for item in expected if (item.layout, item.dtype) != ("NCHW", "float32")]
    if odd:
        raise ArtifactError(
            f"{file} has {what} that this runtime does not feed",
            expected="NCHW float32",
            got=", ".join(f"{i.name}: {i.layout} {i.dtype}" for i in expected if i.name in odd),
        )
    wanted = sorted(_describe(item.name, item.dtype, item.shape) for item in expected)
    found = sorted(
        _describe(item.name, _TYPES.get(item.type, item.type), item.shape) for item in actual
    )
    if wanted != found:
        raise ArtifactError(
            f"the {what} of {file} are not those of its manifest",
            expected="; ".join(wanted),
            got="; ".join(found),
            fix="export the artifact again with cdfi-export",
        )


def _describe(name: str, dtype: str, shape: Any) -> str:
    """Name, type and shape in one comparable text; how a dynamic axis is called does not count."""
    axes = ", ".join(str(axis) if isinstance(axis, int) else "?" for axis in shape)
    return f"{name} {dtype} ({axes})"


SPEC = RUNTIMES.register(
    RuntimeSpec(
        name="onnxruntime",
        formats=("onnx", "ort"),
        package="onnxruntime",
        extra=None,
        open=OnnxSession,
    )
)
