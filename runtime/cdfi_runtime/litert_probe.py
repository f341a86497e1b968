"""Whether the native operators work in a version of LiteRT that nobody tested them in.

``python -m cdfi_runtime.litert_probe MODULE LIBRARY`` runs a file of two warps in a row, between
operators of LiteRT's own, and compares. It says what is wrong and exits 1, or crashes.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdfi_runtime import native
from cdfi_runtime.litert_operators import load_delegate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

MODEL = Path(__file__).resolve().parent / "assets" / "litert_probe.tflite"
TAPS, DILATION, CHANNELS, HEIGHT, WIDTH = 3, 2, 2, 7, 9
TOLERANCE = 1e-5


def inputs() -> dict[str, Array]:
    """What the file is fed."""
    import numpy as np

    random = np.random.default_rng(0)
    shapes = {"image": CHANNELS, "weight": TAPS**2, "alpha": TAPS**2, "beta": TAPS**2}
    return {
        name: random.standard_normal((1, channels, HEIGHT, WIDTH)).astype(np.float32)
        for name, channels in shapes.items()
    }


def difference(interpreter_module: Any) -> float:
    """The largest difference between what LiteRT makes of the file and what is right."""
    import numpy as np

    interpreter = interpreter_module.Interpreter(
        model_path=str(MODEL),
        num_threads=2,
        experimental_delegates=[load_delegate(interpreter_module)],
    )
    interpreter.allocate_tensors()
    given = inputs()
    for item in interpreter.get_input_details():
        interpreter.set_tensor(item["index"], given[item["name"]])
    interpreter.invoke()
    (output,) = interpreter.get_output_details()
    expected = given["image"]
    maps = [given[name] for name in ("weight", "alpha", "beta")]
    for _ in range(2):
        expected = native.warp(
            *(expected, *maps), taps=TAPS, dilation=DILATION, sampling="bilinear"
        )
    return float(np.abs(interpreter.get_tensor(output["index"]) + expected).max())


def main(module: str, library: str) -> None:
    """Exit by what :func:`difference` is in ``module``."""
    os.environ[native.VARIABLE] = library
    found = difference(importlib.import_module(module))
    # A NaN is wrong too.
    sys.exit(None if found <= TOLERANCE else f"the result is wrong by up to {found:.3g}")


if __name__ == "__main__":
    main(*sys.argv[1:])
