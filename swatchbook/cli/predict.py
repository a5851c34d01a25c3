"""``swatchbook predict``: which class images have."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import click
from tqdm import tqdm

from swatchbook import (
    abstention,
    bundle,
    files,
    golden,
    inputs,
    machine,
    neighbours,
    prediction_files,
    terminal,
)
from swatchbook import predict as predicting
from swatchbook.bundle import Bundle
from swatchbook.download import Manners
from swatchbook.errors import DataError
from swatchbook.inputs import Inputs
from swatchbook.predict import NOT_SURE, OK, REFUSED, Prediction, Wishes
from swatchbook.prediction_files import FORMATS, Journal
from swatchbook.predictor import Predictor
from swatchbook.sources.candidate import Candidate

_FLUSHED_EVERY = 64
_PRECISIONS = ("auto", "float32", "bfloat16")


@click.command("predict")
@click.argument("images", nargs=-1, required=True, metavar="PATH…|-|URL-LIST")
@click.option(
    "--model", default=bundle.PATH, type=click.Path(path_type=Path), help="The bundle.",
    show_default=True,
)  # fmt: skip
@click.option("--top-k", "top", default=1, type=click.IntRange(1), help="Classes of each image.")
@click.option(
    "--threshold", type=click.FloatRange(0, 1), help="Answer from this confidence, else not sure."
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
    "--out", type=click.Path(path_type=Path, dir_okay=False),
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
        if kind and kind != prediction_files.format_of(out):
            raise click.UsageError(f"--format {kind}: --out {str(out)!r} is of another format")
        kind = prediction_files.format_of(out)
    elif kind == "parquet":
        raise click.UsageError("--format parquet: needs --out FILE.parquet")
    found = bundle.read(model)
    manners = Manners(agent=machine.agent(), allowed=machine.allowed_networks())
    given = inputs.gathered(images, sys.stdin.buffer, manners)
    wishes = Wishes(min(top, len(found.labels)), _threshold(found, threshold, max_error), evidence)
    known = neighbours.of_project(found) if evidence else None
    at_work = _ready(found, model, precision)

    def predicted(candidates: Iterable[Candidate]) -> Iterator[Prediction]:
        return predicting.predictions(candidates, at_work, machine.workers(), wishes, known)

    if out is not None:
        where_from = str(Path.cwd())
        run = [found.digest, at_work.engine, at_work.precision, where_from, *images]
        counts = _to_file(given, predicted, out, run, wishes)
    else:
        as_table = kind is None and sys.stdout.isatty()
        rows = predicted(given.candidates)
        shown = (
            _table(rows, found.labels)
            if as_table
            else prediction_files.printed(rows, sys.stdout, kind or "csv", wishes.top)
        )
        counts = _counted(shown, None if as_table else given.total)
    refused = f", {counts[REFUSED]} refused" if counts[REFUSED] else ""
    unsure = f", {counts[NOT_SURE]} not sure" if wishes.threshold else ""
    where = f" → {out}" if out else ""
    click.echo(
        f"predict: {sum(counts.values())} images: {counts[OK]} answered{unsure}{refused}{where}",
        err=True,
    )


def _threshold(found: Bundle, threshold: float | None, max_error: float | None) -> float:
    if max_error is None:
        return threshold or 0.0
    rule = abstention.least(found.rules, max_error)
    if rule is None:
        least = min(found.rules, key=lambda rule: rule.bound)
        raise DataError(
            f"--max-error: {max_error:g} can't be had with 95 % confidence; the least is "
            f"{least.bound:.3g}, at --threshold {least.threshold:.3f}, which answers "
            f"{least.answered:.0%}"
        )
    click.echo(
        f"predict: not sure below {rule.threshold:.3f}: of images like the training set's, "
        f"{rule.answered:.0%} get an answer, {rule.error:.1%} of these wrong "
        f"(at most {rule.bound:.1%})",
        err=True,
    )
    return rule.threshold


def _ready(found: Bundle, model: Path, precision: str) -> Predictor:
    at_work = Predictor(found, precision, machine.engine(), [machine.batch()], machine.workers())
    golden.check(golden.beside(model), at_work)
    if at_work.note:
        click.echo(f"predict: {at_work.note}", err=True)
    return at_work


def _to_file(
    given: Inputs,
    predicted: Callable[[Iterable[Candidate]], Iterator[Prediction]],
    out: Path,
    run: list[str],
    wishes: Wishes,
) -> Counter[str]:
    key = files.digest(os.fsencode(out.resolve()))[:16]
    lock = machine.cache_folder() / "locks" / f"{key}.lock"
    with (
        files.locked(lock, f"{out}: another run is writing it"),
        Journal(out, run, wishes) as journal,
    ):
        done = journal.done
        if done:
            click.echo(f"predict: {len(done)} images are in {journal.path}: going on", err=True)
        named: set[str] = set()

        def todo() -> Iterator[Candidate]:
            for item in given.candidates:
                named.add(item.name)
                if item.name not in done:
                    yield item

        def rows() -> Iterator[Prediction]:
            # a list may have other lines than when the journal was begun
            return (row for row in journal.read() if row.path in named)

        total = None if given.total is None else given.total - len(done)
        with tqdm(predicted(todo()), total=total, unit="image", disable=None) as bar:
            for number, prediction in enumerate(bar):
                journal.add(prediction)
                if number % _FLUSHED_EVERY == 0:
                    journal.flush()
        journal.flush()
        counts = Counter(prediction.status for prediction in rows())
        prediction_files.write(rows(), out, wishes.top)
        journal.path.unlink()
    return counts


def _counted(rows: Iterable[Prediction], total: int | None) -> Counter[str]:
    # where the rows themselves go to the terminal, they are the progress
    hidden = True if sys.stdout.isatty() else None
    return Counter(row.status for row in tqdm(rows, total=total, unit="image", disable=hidden))


def _table(rows: Iterable[Prediction], labels: list[str]) -> Iterator[Prediction]:
    """Print a line for each as soon as it is known, and pass it on."""
    width = max(len(label) for label in [*labels, "not sure"])
    for row in rows:
        path, said = (
            terminal.plain(row.path),
            "not sure" if row.status == NOT_SURE else row.predicted,
        )
        if row.status == REFUSED:
            click.echo(f"{'—':{width}}        {path}  {row.reason}")
        else:
            others = row.top if row.status == NOT_SURE or len(row.top) > 1 else []
            more = "  " + ", ".join(f"{label} {p:.0%}" for label, p in others) if others else ""
            click.echo(f"{said:{width}}  {row.confidence:4.0%}  {path}{more}")
            for one in row.neighbours:
                near = f"{one.similarity:.3f} {one.label}: {terminal.plain(one.path)}"
                click.echo(f"{'':{width}}        {near}")
        yield row
