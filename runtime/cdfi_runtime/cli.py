"""``cdfi-run``: the frame between two pictures, or a folder of frames at a multiple of its rate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cdfi_runtime.command import distribution_version, run_app
from cdfi_runtime.errors import InputError
from cdfi_runtime.files import ensure_folder
from cdfi_runtime.images import check_suffix, list_images, read_image, write_image
from cdfi_runtime.interpolator import (
    MIDDLE,
    Interpolator,
    check_factor,
    check_time_step,
    default_model,
)
from cdfi_runtime.memory import parse_bytes
from cdfi_runtime.runtimes import AUTO, RUNTIMES, choose_runtime
from cdfi_runtime.tile_view import TileProgress, parse_tile, show_tiling

if TYPE_CHECKING:
    from cdfi_runtime.frames import Frame

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(stderr=True, soft_wrap=True, highlight=False)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cdfi-run {distribution_version()}")
        raise typer.Exit


def _show_runtimes(wanted: bool) -> None:
    if not wanted:
        return
    table = Table("runtime", "formats", "installed", "install with")
    for spec in RUNTIMES.all():
        table.add_row(
            spec.name,
            ", ".join(spec.formats),
            "yes" if spec.installed else "no",
            Text(spec.missing().fix or ""),  # as it is: its brackets are no markup
        )
    Console().print(table)
    raise typer.Exit


@app.command()
def run(
    inputs: Annotated[
        list[Path], typer.Argument(help="Two image files, or one folder of numbered frames.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="An image file, or a folder for a folder.")
    ],
    model: Annotated[
        Path | None, typer.Option(help="The artifact to run; the embedded one if left out.")
    ] = None,
    runtime: Annotated[str, typer.Option(help="Which runtime; see --list-runtimes.")] = AUTO,
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads; the runtime's choice if left out.")
    ] = None,
    accelerator: Annotated[
        str, typer.Option(help="Provider, delegate or device of the runtime, e.g. cuda, xnnpack.")
    ] = AUTO,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse to run elsewhere than on --accelerator.")
    ] = False,
    max_memory: Annotated[
        str | None,
        typer.Option(
            help="What the process may hold, e.g. 2G: frames that need more go through in tiles."
        ),
    ] = None,
    tile: Annotated[
        str | None, typer.Option(help="Tiles of this size instead, e.g. 1280x736.")
    ] = None,
    halo: Annotated[
        int | None,
        typer.Option(min=0, help="Pixels of context around tiles; the manifest's if left out."),
    ] = None,
    factor: Annotated[
        int | None, typer.Option(help="Multiply a folder's frame rate by 2, 4, 8, ... [default: 2]")
    ] = None,
    t: Annotated[float, typer.Option("--t", help="Time between the frames; only 0.5.")] = MIDDLE,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
    list_runtimes: Annotated[
        bool,
        typer.Option("--list-runtimes", callback=_show_runtimes, is_eager=True, help="Show them."),
    ] = False,
) -> None:
    """Compute the frame half way between frames.

    cdfi-run A.png B.png -o MID.png

    cdfi-run FRAMES -o SMOOTH --factor 4
    """
    del version, list_runtimes  # their callbacks did the work
    check_time_step(t)
    progress = TileProgress(console)

    def load() -> Interpolator:
        cuts = {
            "max_memory": None if max_memory is None else parse_bytes(max_memory),
            "tile": None if tile is None else parse_tile(tile),
            "halo": halo,
            "on_tile": progress.on_tile,
        }
        return _load(model, runtime, threads, accelerator, strict, cuts)

    if len(inputs) == 1 and inputs[0].is_dir():
        halvings = check_factor(2 if factor is None else factor)
        job = _FolderJob(inputs[0], output, 2**halvings)
        job.run(load(), progress)
    elif len(inputs) == 2:
        if factor is not None:
            raise InputError(
                "--factor is for folders", fix="put the two frames into a folder, or leave it out"
            )
        _check_pair_output(inputs, output)
        pair = [read_image(path) for path in inputs]
        _check_same_size(inputs[0], pair[0], inputs[1], pair[1])
        loaded = load()
        with progress:
            middle = loaded.interpolate(*pair)
        write_image(output, middle)
        show_tiling(console, loaded.tiling)
        console.print(f"wrote {output}")
    else:
        raise InputError(
            "cdfi-run takes two image files or one folder",
            expected="cdfi-run A.png B.png -o MID.png, or cdfi-run FOLDER -o FOLDER",
            got=" ".join(str(path) for path in inputs),
        )


class _FolderJob:
    """A folder of frames to a new folder at a multiple of the rate; checks come before the work."""

    def __init__(self, source: Path, target: Path, factor: int) -> None:
        self.source, self.target, self.factor = source, target, factor
        if target.resolve() == source.resolve():
            raise InputError(
                "the output folder is the input folder",
                got=str(target),
                fix="choose another one; input files are never overwritten",
            )
        self.files = list_images(source)
        if len(self.files) < 2:
            raise InputError(
                "the folder holds too few frames",
                expected="at least two image files",
                got=f"{len(self.files)} in {source}",
            )
        ensure_folder(target)
        if list_images(target):
            raise InputError(
                "the output folder already holds images",
                expected="a folder without any, so that frames of two runs do not mix",
                got=f"{len(list_images(target))} in {target}",
                fix="choose another folder or move them away",
            )

    def run(self, interpolator: Interpolator, progress: TileProgress) -> None:
        """Write ``000000.png``, ``000001.png``, ... in time order."""
        total = (len(self.files) - 1) * self.factor + 1
        digits = max(6, len(str(total - 1)))
        done = 0
        try:
            with progress:
                progress.expect(total)
                for frame in interpolator.interpolate_sequence(self._read(), self.factor):
                    write_image(self.target / f"{done:0{digits}d}.png", frame)
                    done += 1
                    progress.frame_done()
        except BaseException:
            console.print(f"stopped: {done} of {total} frames are complete in {self.target}")
            raise
        console.print(f"wrote {done} frames to {self.target}")
        show_tiling(console, interpolator.tiling)

    def _read(self) -> Iterator[Frame]:
        first = read_image(self.files[0])
        yield first
        for path in self.files[1:]:
            frame = read_image(path)
            _check_same_size(self.files[0], first, path, frame)
            yield frame


def _load(
    model: Path | None,
    runtime: str,
    threads: int | None,
    accelerator: str,
    strict: bool,
    cuts: dict[str, Any],
) -> Interpolator:
    """Open the artifact, and say which runtime it got, why, and what it runs on."""
    path = model or default_model()
    choice = choose_runtime(path, runtime)
    loaded = Interpolator.load(
        path,
        runtime=choice.spec.name,
        threads=threads,
        accelerator=accelerator,
        strict=strict,
        **cuts,
    )
    console.print(
        f"runtime {loaded.runtime} ({choice.reason}) on {loaded.accelerator}",
        highlight=False,
        markup=False,
    )
    if loaded.fallback is not None:
        console.print(f"asked for '{accelerator}': {loaded.fallback}", style="yellow", markup=False)
    return loaded


def _check_pair_output(inputs: list[Path], output: Path) -> None:
    if output.is_dir():
        raise InputError("the output is a folder", expected="an image file name", got=str(output))
    check_suffix(output)
    if any(output.resolve() == path.resolve() for path in inputs):
        raise InputError(
            "the output would overwrite an input", got=str(output), fix="choose another name"
        )
    ensure_folder(output.parent)


def _check_same_size(path: Path, frame: Frame, other_path: Path, other: Frame) -> None:
    if frame.shape != other.shape:
        size, other_size = (f"{item.shape[1]}x{item.shape[0]}" for item in (frame, other))
        raise InputError(
            "the frames have different sizes",
            expected=f"{size} as {path.name}",
            got=f"{other_size} in {other_path.name}",
            fix="crop or scale them to one size",
        )


def main() -> None:
    """Entry point of ``cdfi-run``."""
    run_app(app)


if __name__ == "__main__":
    main()
