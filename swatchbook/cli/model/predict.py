"""``swatchbook predict``: which class images have."""

from pathlib import Path

import click

from swatchbook.cli.options import OutputFile, Part, terms_of_shards
from swatchbook.prediction.formats import FORMATS, format_of
from swatchbook.project.paths import MODEL
from swatchbook.shards.paths import is_pack

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
    "--out", type=OutputFile(or_folder=True),
    help="Write to FILE.csv, .json or .parquet, of shards to a folder; a killed run goes on.",
)  # fmt: skip
@click.option("--precision", default="auto", type=click.Choice(_PRECISIONS), help="Arithmetic.")
@click.option("--shard", type=Part(), metavar="I/N", help="Of shards: part I of N equal ones.")
@terms_of_shards("Of shards: ")
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
    shard: tuple[int, int] | None,
    sample_frac: float,
    seed: int,
    allow_versions: bool,
) -> None:
    """Say which class images have: of files, folders, 'patterns*', archives, URLs, lists of these.

    A table on a terminal, else CSV. A bad image is a row with a reason.

    swatchbook predict photos/ --max-error 0.05 --out photos.csv

    Of shards (`swatchbook pack`), a part: swatchbook predict shards/ --shard 3/40 --out scored/
    """
    if threshold is not None and max_error is not None:
        raise click.UsageError("--threshold and --max-error: give one of them")
    if shard is not None or (len(images) == 1 and is_pack(Path(images[0]))):
        for option, given in (("--top-k", top > 1), ("--evidence", evidence), ("--format", kind)):
            if given:
                raise click.UsageError(f"{option}: not of shards; use it on single images")
        if len(images) > 1 or not is_pack(Path(images[0])):
            raise click.UsageError(
                f"--shard: needs one folder of shards, not {images[0]!r}; `swatchbook pack` "
                "makes one"
            )
        if out is None:
            raise click.UsageError("--out DIR: of shards, results go to a folder; name one")
        from swatchbook.prediction.run import Answers
        from swatchbook.shards import run as shards_run

        shards_run.run(
            Path(images[0]), model, precision, Answers(1, threshold, max_error),
            shards_run.Terms(sample_frac, seed, allow_versions), shard or (1, 1), out,
        )  # fmt: skip
        return
    if sample_frac < 1:
        raise click.UsageError("--sample-frac: is for shards; `swatchbook pack` makes them")
    if out is not None:
        if out.is_dir():
            raise click.UsageError(f"--out: {str(out)!r} is a folder; name a file in it")
        if kind and kind != format_of(out):
            raise click.UsageError(f"--format {kind}: --out {str(out)!r} is of another format")
        kind = format_of(out)
    elif kind == "parquet":
        raise click.UsageError("--format parquet: needs --out FILE.parquet")
    from swatchbook.prediction import run

    run.run(images, model, precision, run.Answers(top, threshold, max_error, evidence), kind, out)
