"""LiteRT (TFLite) artifacts on the CPU, with XNNPACK where it takes an operator."""

from __future__ import annotations

import importlib
import importlib.util
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cdfi_runtime import native
from cdfi_runtime.errors import ArtifactError, InputError, first_line
from cdfi_runtime.files import require_file
from cdfi_runtime.litert_delegation import delegation
from cdfi_runtime.litert_operators import has_native_operators, native_delegate
from cdfi_runtime.manifest import TensorInfo, load_manifest
from cdfi_runtime.native import NativeError
from cdfi_runtime.portable import in_its_place, portable_file
from cdfi_runtime.runtimes import AUTO, RUNTIMES, RuntimeSpec

# The same interpreter under its present and its former name; either may be what a device has.
_PACKAGES = (
    ("ai_edge_litert", "ai_edge_litert.interpreter", "ai-edge-litert"),
    ("tflite_runtime", "tflite_runtime.interpreter", "tflite-runtime"),
)


class LitertSession:
    """A ``.tflite`` artifact opened by LiteRT; see :class:`cdfi_runtime.runtimes.Session`.

    Args:
        path: The ``.tflite`` file, its manifest beside it.
        threads: Threads of the interpreter; ``None`` leaves the choice to it.
        accelerator: ``"xnnpack"``, or ``"cpu"`` for LiteRT's own kernels; ``"auto"`` is XNNPACK
            where the library has it. It always leaves some operators to the CPU's kernels, and
            the manifest's remarks say which.

    A file with native operators needs the native library. Where that is missing or this LiteRT
    cannot run it, the portable file beside it is opened in its place; :attr:`fallback` says so, and
    :attr:`manifest` is that file's.

    Raises:
        InputError: the file or its manifest is missing or empty.
        ArtifactError: no TFLite model, a hash that does not match, or inputs and outputs other
            than the manifest's.
        MissingDependencyError: no LiteRT package is installed.
        NativeError: the native library cannot be used, and the portable file is missing.
    """

    runtime = "litert"

    def __init__(self, path: Path, threads: int | None = None, accelerator: str = AUTO) -> None:
        require_file(path, "the LiteRT artifact")
        self.manifest = load_manifest(path)
        module, self.version = _interpreter_module()
        delegate, missing = None, None
        if has_native_operators(self.manifest.graph.operators):
            try:
                delegate = native_delegate(module)
            except NativeError as error:
                missing = error
                path = portable_file(path, self.manifest, error)
                self.manifest = load_manifest(path)
        try:
            self._interpreter = module.Interpreter(
                model_path=str(path),
                num_threads=threads,
                experimental_op_resolver_type=getattr(
                    module.OpResolverType,
                    "BUILTIN_WITHOUT_DEFAULT_DELEGATES" if accelerator == "cpu" else "AUTO",
                ),
                experimental_delegates=[delegate] if delegate is not None else None,
            )
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ArtifactError(
                f"{path.name} is no model that LiteRT can load",
                expected=f"a complete .tflite file for LiteRT {self.version}",
                got=first_line(error),
                fix="copy or export it again",
            ) from error
        self._inputs = self._check("inputs", self.manifest.inputs, 2)
        (self._output,) = self._check("outputs", self.manifest.outputs, 1)
        found = delegation(self._interpreter._get_ops_details())
        self.accelerator = f"cpu, xnnpack ({found.text})" if found.partitions else "cpu"
        if delegate is not None:
            self.accelerator += f", native warp ({native.dispatch()})"
        reasons = [_fallback(accelerator, found.partitions > 0)]
        if missing is not None:
            reasons.append(in_its_place(path, missing))
        self.fallback = "; ".join(text for text in reasons if text) or None

    def run(self, frame0: NDArray[np.float32], frame2: NDArray[np.float32]) -> NDArray[np.float32]:
        """The raw middle frame; see :meth:`cdfi_runtime.runtimes.Session.run`.

        Raises:
            InputError: LiteRT failed while running, e.g. for lack of memory.
        """
        frames = zip(self._inputs, self.manifest.inputs, (frame0, frame2), strict=True)
        for index, tensor, frame in frames:
            planes = frame.transpose(0, 2, 3, 1) if tensor.layout == "NHWC" else frame
            self._interpreter.set_tensor(index, np.ascontiguousarray(planes))
        try:
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise InputError(
                f"LiteRT failed on frames of {frame0.shape[-1]}x{frame0.shape[-2]} pixels",
                got=first_line(error),
                fix="try smaller frames; if that fails too, export the artifact again",
            ) from error
        raw: NDArray[np.float32] = self._interpreter.get_tensor(self._output)
        return raw.transpose(0, 3, 1, 2) if self.manifest.outputs[0].layout == "NHWC" else raw

    def _check(self, what: str, expected: tuple[TensorInfo, ...], count: int) -> list[int]:
        """Indices of the interpreter's tensors in the manifest's order."""
        details = getattr(self._interpreter, f"get_{what[:-1]}_details")()
        found = {
            item["name"]: (item["index"], _describe(item["dtype"], item["shape"]))
            for item in details
        }
        wanted = {item.name: _describe(item.dtype, item.shape) for item in expected}
        if len(expected) != count or wanted != {name: text for name, (_, text) in found.items()}:
            raise ArtifactError(
                f"the {what} of {self.manifest.artifact.file} are not those of its manifest",
                expected="; ".join(f"{name} {text}" for name, text in wanted.items()),
                got="; ".join(f"{name} {text}" for name, (_, text) in found.items()),
                fix="export the artifact again with cdfi-export",
            )
        return [found[item.name][0] for item in expected]


def _fallback(asked: str, xnnpack: bool) -> str | None:
    if asked in (AUTO, "cpu") or (asked == "xnnpack" and xnnpack):
        return None
    if asked == "xnnpack":
        return "XNNPACK took no operator, or this library is built without it"
    return f"LiteRT's Python library has no delegate '{asked}', only xnnpack and cpu"


def _interpreter_module() -> tuple[Any, str]:
    for package, module, distribution in _PACKAGES:
        if importlib.util.find_spec(package) is not None:
            try:
                return importlib.import_module(module), version(distribution)
            except (ImportError, PackageNotFoundError) as error:
                raise SPEC.missing() from error
    raise SPEC.missing()


def _describe(dtype: Any, shape: Any) -> str:
    return f"{np.dtype(dtype).name} ({', '.join(str(int(axis)) for axis in shape)})"


SPEC = RUNTIMES.register(
    RuntimeSpec(
        name="litert",
        formats=("litert",),
        package="ai_edge_litert",
        extra="litert",
        open=LitertSession,
        alternatives=("tflite_runtime",),
    )
)
