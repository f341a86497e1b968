"""What the four commands share: exit codes, error messages and the version.

Exit codes: 0 pass, 1 a gate failed, 2 usage or environment, 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, NoReturn

from rich.console import Console
from rich.text import Text

from cdfi_runtime.errors import EXIT_USAGE, CdfiError, MissingDependencyError

if TYPE_CHECKING:
    import typer

EXIT_INTERRUPTED = 130
# Optional packages by import name, and the extra of this distribution that brings each.
EXTRAS = {
    "torch": "model",
    "safetensors": "model",
    "skimage": "model",
    "onnx": "export",
    "onnxscript": "export",
    "onnxslim": "export",
    "av": "video",
    "cv2": "video",
    "pnnx": "ncnn",
    "ncnn": "ncnn",
    "executorch": "executorch",
}
DISTRIBUTION = "cdfi-mobile"


def run_app(app: typer.Typer, args: Sequence[str] | None = None) -> NoReturn:
    """Run a Typer app as a command and end the process with its exit code.

    Args:
        app: The command. It should be made with ``pretty_exceptions_enable=False``, so that a
            defect of ours shows a plain traceback.
        args: Arguments without the program's name; ``None`` takes those of the process.

    Raises:
        SystemExit: always. A :class:`CdfiError` is printed to stderr without a traceback and ends
            with its own ``exit_code``, and so is an optional package that is not installed; usage
            errors end with 2, an interruption with 130.
    """
    try:
        app(args=None if args is None else list(args))
    except CdfiError as error:
        print_error(error)
        sys.exit(error.exit_code)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        print_error(
            MissingDependencyError(package, extra=EXTRAS[package], needed_for="this command")
        )
        sys.exit(EXIT_USAGE)
    except KeyboardInterrupt:
        _print_interrupted()
        sys.exit(EXIT_INTERRUPTED)
    except SystemExit as end:
        if end.code == EXIT_INTERRUPTED:  # Typer turns the interruption into this code, silently
            _print_interrupted()
        raise
    sys.exit(0)


def print_error(error: CdfiError) -> None:
    """Print an error to stderr: the problem in red, then expected, got and fix."""
    first, _, rest = str(error).partition("\n")
    text = Text.assemble(("error: ", "bold red"), (first, "red"))
    if rest:
        text.append(f"\n{rest}")
    Console(stderr=True, soft_wrap=True).print(text)


def distribution_version() -> str:
    """The installed version of this project, or ``"unknown"`` when run without being installed."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "unknown"


def _print_interrupted() -> None:
    Console(stderr=True).print(Text("interrupted", style="yellow"))
