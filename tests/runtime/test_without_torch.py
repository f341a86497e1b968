"""The runtime in a process where neither torch nor any export library can be imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from cdfi_runtime.images import read_image, write_image

_REFUSE = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "onnx", "skimage", "safetensors", "cv2", "av"}:
            raise ModuleNotFoundError(f"refused: {name}")
        return None

sys.meta_path.insert(0, Refuse())
"""


def _python(code: str, *args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _REFUSE + code, *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_refusal_works() -> None:
    assert "refused: torch" in _python("import torch").stderr


def test_pictures_are_interpolated(make_artifact: Any, tmp_path: Path) -> None:
    a, b, out = (tmp_path / name for name in ("a.png", "b.png", "mid.png"))
    write_image(a, np.full((9, 10, 3), 100, np.uint8))
    write_image(b, np.full((9, 10, 3), 200, np.uint8))
    code = "from cdfi_runtime.cli import main; main()"
    result = _python(code, a, b, "-o", out, "--model", make_artifact(), "--threads", 1)
    assert result.returncode == 0, result.stderr
    assert set(read_image(out).flat) == {150}


def test_the_torch_runtime_is_listed_and_says_what_it_lacks(tmp_path: Path) -> None:
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"anything")
    code = (
        "import cdfi_model.torch_runtime\n"
        "from cdfi_runtime.runtimes import RUNTIMES\n"
        "print({spec.name: spec.installed for spec in RUNTIMES.all()})\n"
        "from cdfi_runtime import Interpolator, CdfiError\n"
        "try:\n    Interpolator.load(sys.argv[1])\n"
        "except CdfiError as error:\n    print(error)\n"
    )
    result = _python(code, weights)
    assert result.returncode == 0, result.stderr
    assert "'onnxruntime': True, 'torch': False" in result.stdout
    assert "pip install 'cdfi-mobile[model]'" in result.stdout
