"""``swatchbook predict``: which class images have."""

from pathlib import Path

import click

from swatchbook.cli.options import OutputFile
from swatchbook.prediction.formats import FORMATS, format_of
from swatchbook.project.paths import MODEL

_PRECISIONS = ("auto", "float32", "bfloat16")


@click.command("predict")
@click.argument("images", nargs=-1, required=True, metavar="PATH…|-|URL-LIST")
@click.option(
    "--model", default=MODEL, type=click.Path(path_type=Path), help="The bundle.",
    show_default=True,
)  # fmt: skip
@click.option("--top-k", "top", default=1, type=click.IntRange(1), help="Classes of each image.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    help="Answer from this confidence, else not sure (default: bundle.threshold).",
)
@click.option(
    "--max-error", type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Find that confidence: at most this share of the answers wrong.",
)  # fmt: skip
@click.option(
    "--evidence", default=0, type=click.IntRange(0, 100), help="Nearest training images of each."
)
@click.option("--format", "kind", type=click.Choice(FORMATS), help="On stdout (default: csv).")
@click.option(
    "--out", type=OutputFile(),
    help="Write to FILE.csv, .json or .parquet; a killed run goes on.",
)  # fmt: skip
@click.option("--precision", default="auto", type=click.Choice(_PRECISIONS), help="Arithmetic.")
def command(
    images: tuple[str, ...],
    model: Path,
    top: int,
    threshold: float | None,
    max_error: float | None,
    evidence: int,
    kind: str | None,
    out: Path | None,
    precision: str,
) -> None:
    """Say which class images have: of files, folders, 'patterns*', archives, URLs, lists of these.

    A table on a terminal, else CSV. A bad image is a row with a reason.

    swatchbook predict photos/ --max-error 0.05 --out photos.csv
    """
    if threshold is not None and max_error is not None:
        raise click.UsageError("--threshold and --max-error: give one of them")
    if out is not None:
        if kind and kind != format_of(out):
            raise click.UsageError(f"--format {kind}: --out {str(out)!r} is of another format")
        kind = format_of(out)
    elif kind == "parquet":
        raise click.UsageError("--format parquet: needs --out FILE.parquet")
    from swatchbook.prediction import run

    run.run(images, model, precision, run.Answers(top, threshold, max_error, evidence), kind, out)
