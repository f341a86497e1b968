"""What the runner on a phone is given: its files, and its command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from cdfi_runtime.errors import ArtifactError
from cdfi_runtime.manifest import Manifest
from cdfi_runtime.ort_operators import has_native_operators
from cdfi_runtime.runtimes import AUTO
from cdfi_runtime.samples.pair import sample_pair

from cdfi_bench.adb.job import Job
from cdfi_bench.latency.reference import reference_model
from cdfi_bench.latency.request import LatencyRequest
from cdfi_bench.phone.claim import Claim

if TYPE_CHECKING:
    from cdfi_bench.bundle.folder import Bundle

CPU = "cpu"
FOLDER = "run"
OUTPUT, RESULT = "output.raw", "result.json"
_BUNDLE, _REFERENCE = "bundle", "reference.onnx"


@dataclass(frozen=True)
class RunnerJob:
    """One artifact at one size, to be run by a bundle.

    Attributes:
        request: What is measured.
        manifest: Of the artifact.
        size: ``(width, height)`` of the frames.
        bundle: What runs it.
    """

    request: LatencyRequest
    manifest: Manifest
    size: tuple[int, int]
    bundle: Bundle

    @property
    def provider(self) -> str:
        """The execution provider that is asked for."""
        return CPU if self.request.accelerator == AUTO else self.request.accelerator

    @property
    def model(self) -> str:
        """The artifact's name on the phone: its own may hold anything, its suffix is the format."""
        return "model.ort" if self.manifest.artifact.format == "ort" else "model.onnx"

    def push(self, claim: Claim, folder: Path) -> None:
        """Bring bundle, artifact, frames and reference to the phone, by way of ``folder``.

        Raises:
            ArtifactError: the artifact has inputs other than float32 NCHW.
            DeviceFullError: there is no room.
            AdbError: the link, or what arrived.
        """
        bundle = self.bundle
        files = {f"{_BUNDLE}/{name}": bundle.folder / name for name in bundle.files}
        programs = {name for name in bundle.files if bundle.files[name].executable}
        files[_REFERENCE] = folder / _REFERENCE
        files[_REFERENCE].write_bytes(reference_model())
        files[f"{FOLDER}/{self.model}"] = self.request.path
        frames = sample_pair(self.manifest, *self.size)
        for i, (tensor, planes) in enumerate(zip(self.manifest.inputs, frames, strict=True)):
            if (tensor.layout, tensor.dtype) != ("NCHW", "float32"):
                raise ArtifactError(
                    f"{self.request.path.name} has inputs that the runner does not feed",
                    expected="NCHW float32",
                    got=f"{tensor.name}: {tensor.layout} {tensor.dtype}",
                )
            path = folder / f"frame{i}.raw"
            path.write_bytes(np.ascontiguousarray(planes, "<f4").tobytes())
            files[f"{FOLDER}/{path.name}"] = path
        claim.push(files, executable=frozenset(f"{_BUNDLE}/{name}" for name in programs))

    def command(self, claim: Claim, job: Job) -> list[str]:
        """The command that starts it."""
        request, place = self.request, claim.workspace
        height, width = sample_pair(self.manifest, *self.size)[0].shape[2:]
        options = {
            "--library": "./libonnxruntime.so",
            "--model": job.path(self.model),
            "--reference": place.path(_REFERENCE),
            "--output": job.path(OUTPUT),
            "--result": job.path(RESULT),
            "--samples": job.path(job.samples),
            "--threads": str(request.threads or 0),
            "--warm-up": str(request.warm_up),
            "--runs": str(request.runs),
            "--end-to-end": str(request.end_to_end),
            "--sustained": f"{request.sustained_s:g}",
            "--provider": self.provider,
            "--alive": place.alive,
            "--alive-seconds": f"{place.alive_limit:g}",
        }
        if has_native_operators(self.manifest.graph.operators):
            options["--operators"] = "./libcdfi_native.so"
        if request.affinity is not None:
            options["--affinity"] = ",".join(map(str, request.affinity))
        words = [word for pair in options.items() for word in pair]
        for i, tensor in enumerate(self.manifest.inputs):
            words += ["--input", f"{tensor.name}={job.path(f'frame{i}.raw')}"]
            words += ["--shape", f"{tensor.name}=1,3,{height},{width}"]
        # From the bundle's folder, where the names in its own command hold.
        start = f'cd {place.path(_BUNDLE)} && exec {self.bundle.command()} "$@"'
        return ["sh", "-c", start, "runner", *words]
