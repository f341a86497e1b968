"""``cdfi-bench``: parity, quality and latency of artifacts, with reports.

Exit codes: 0 pass, 1 a row failed, 2 usage or environment (also: nothing could be decided).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from cdfi_runtime.command import distribution_version, run_app
from cdfi_runtime.files import ensure_folder

from cdfi_bench.compare_command import compare
from cdfi_bench.compression_command import compression
from cdfi_bench.finish import finish
from cdfi_bench.fused_command import fused
from cdfi_bench.latency_command import latency
from cdfi_bench.profile_command import profile
from cdfi_bench.progress import progress_bar
from cdfi_bench.runner_command import runner
from cdfi_bench.train_step_command import train_step
from cdfi_bench.warp_command import warp

if TYPE_CHECKING:
    from cdfi_model.data.image_sets import ImageSet


app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Measure artifacts: parity with torch, quality against true frames, latency here.",
)

Data = Annotated[
    Path | None,
    typer.Option(
        "--data", help="Folder of image sets, or a video; the sample triplet if left out."
    ),
]
Pairs = Annotated[int | None, typer.Option("--pairs", min=1, help="First N pairs of each set.")]
Out = Annotated[Path, typer.Option("--out", help="Folder for the reports.")]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, help="CPU threads; the runtime's choice if not.")
]


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cdfi-bench {distribution_version()}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    pass


@app.command()
def parity(
    artifacts: Annotated[
        list[Path], typer.Argument(help="Artifacts, or folders of artifacts with their manifests.")
    ],
    data: Data = None,
    weights: Annotated[
        list[Path] | None,
        typer.Option(help="Weights an artifact was exported from; may be repeated."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of exports with random weights.")] = None,
    pairs: Pairs = None,
    out: Out = Path("reports"),
    threads: Threads = None,
) -> None:
    """Compare artifacts with torch on the same weights, before rounding and against true frames."""
    from cdfi_bench.differences import difference_gallery
    from cdfi_bench.parity import parity_report
    from cdfi_bench.references import References
    from cdfi_bench.rows import expand_artifacts

    paths, sets = expand_artifacts(artifacts), _image_sets(data, pairs)
    references = References(weights or (), seed=seed, threads=threads)
    ensure_folder(out)
    gallery = difference_gallery()
    with progress_bar("parity", len(paths) * _count(sets), "pairs") as advance:
        report = parity_report(
            paths, sets, references, threads=threads, gallery=gallery, advance=advance
        )
    finish(report, out, gallery.cases())


@app.command()
def quality(
    subjects: Annotated[
        list[Path] | None,
        typer.Argument(help="Weights files, artifacts, or folders of artifacts; none: baseline."),
    ] = None,
    data: Data = None,
    pairs: Pairs = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(help="Beside frame averaging, this baseline; may be repeated. All if not."),
    ] = None,
    min_gain: Annotated[
        float | None,
        typer.Option(help="Fail what is less than this many dB above frame averaging."),
    ] = None,
    lpips_weights: Annotated[
        list[Path] | None,
        typer.Option(
            help="File with weights for LPIPS (torchvision's SqueezeNet 1.1, LPIPS v0.1's "
            "linear layers); repeated if they are in two."
        ),
    ] = None,
    out: Out = Path("reports"),
    threads: Threads = None,
) -> None:
    """Measure PSNR and SSIM against the true middle frames, beside baselines without weights."""
    from cdfi_bench.baselines import BASELINES
    from cdfi_bench.gallery import Gallery
    from cdfi_bench.lpips import load_lpips
    from cdfi_bench.quality import baseline_names, quality_report, with_truth
    from cdfi_bench.rows import expand_artifacts

    paths = expand_artifacts(subjects or [])
    baselines = [BASELINES.get(name).name for name in baseline_names(baseline or BASELINES.names())]
    sets = with_truth(_image_sets(data, pairs))
    lpips = load_lpips(lpips_weights) if lpips_weights else None
    ensure_folder(out)
    gallery = Gallery()
    total = (len(baselines) + len(paths)) * _count(sets)
    with progress_bar("quality", total, "pairs") as advance:
        report = quality_report(
            paths,
            sets,
            baselines=baselines,
            min_gain_db=min_gain,
            threads=threads,
            gallery=gallery,
            lpips=lpips,
            advance=advance,
        )
    finish(report, out, gallery.cases())


app.command()(latency)
app.command()(compare)
app.command()(compression)
app.command()(fused)
app.command()(profile)
app.command()(runner)
app.command()(warp)
app.command("train-step")(train_step)


def _image_sets(data: Path | None, pairs: int | None) -> list[ImageSet]:
    from cdfi_model.data.image_sets import find_image_sets, sample_set

    from cdfi_bench.pairs import first_pairs

    return first_pairs([sample_set()] if data is None else find_image_sets(data), pairs)


def _count(sets: list[ImageSet]) -> int:
    return sum(len(each.triplets) for each in sets)


def main() -> None:
    """Entry point of ``cdfi-bench``."""
    run_app(app)


if __name__ == "__main__":
    main()
