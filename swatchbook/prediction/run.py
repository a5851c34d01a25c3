"""A run of prediction: from names of images to a table on stdout or in a file."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from swatchbook.acquisition.candidate import Candidate
from swatchbook.base import files, machine, terminal
from swatchbook.base.errors import DataError
from swatchbook.bundle import abstention, golden, model_file
from swatchbook.bundle.model_file import Bundle
from swatchbook.bundle.predictor import Predictor
from swatchbook.fetching.manners import Manners
from swatchbook.prediction import inputs, prediction_files, predictions
from swatchbook.prediction.inputs import Inputs
from swatchbook.prediction.prediction_files import Journal
from swatchbook.prediction.predictions import NOT_SURE, OK, REFUSED, Prediction, Wishes

_FLUSHED_EVERY = 64


@dataclass(frozen=True)
class Answers:
    """What is wanted of each image.

    ``top`` classes; an answer from a confidence of ``threshold`` on (None: the bundle's), or from
    that where at most ``max_error`` of the answers are wrong; ``evidence`` nearest training images.
    """

    top: int = 1
    threshold: float | None = None
    max_error: float | None = None
    evidence: int = 0


def run(
    images: Sequence[str],
    model: Path,
    precision: str,
    answers: Answers,
    kind: str | None,
    out: Path | None,
) -> None:
    """Predict ``images`` by the bundle at ``model``, and say on stderr what came of them.

    Written to ``out``, or as ``kind`` to stdout: for people where that is a terminal.

    Raises:
        DataError: where an image's name, a list or ``out`` can't be used.
        NetworkError: where the bundle can't run here.
    """
    found = model_file.read(model)
    manners = Manners(agent=machine.agent(), allowed=machine.allowed_networks())
    given = inputs.gathered(images, sys.stdin.buffer, manners)
    wishes = Wishes(
        min(answers.top, len(found.labels)), threshold(found, answers), answers.evidence
    )
    known = None
    if answers.evidence:
        from swatchbook.prediction import neighbours

        known = neighbours.of_project(found)
    at_work = ready(found, model, precision)

    def predicted(candidates: Iterable[Candidate]) -> Iterator[Prediction]:
        return predictions.predictions(candidates, at_work, machine.workers(), wishes, known)

    if out is not None:
        where_from = str(Path.cwd())
        begun = [found.digest, at_work.engine, at_work.precision, where_from, *images]
        counts = _to_file(given, predicted, out, begun, wishes)
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
    _say(f"predict: {sum(counts.values())} images: {counts[OK]} answered{unsure}{refused}{where}")


def threshold(found: Bundle, answers: Answers) -> float:
    """The confidence from which to answer, said on stderr where nobody has named it.

    Raises:
        DataError: where ``answers.max_error`` can't be had.
    """
    max_error = answers.max_error
    if answers.threshold is not None:
        return answers.threshold
    if max_error is None:
        if found.threshold:
            _say(f"predict: not sure below {found.threshold:g} (bundle.threshold)")
        return found.threshold
    rule = abstention.least(found.rules, max_error)
    if rule is None:
        least = min(found.rules, key=lambda rule: rule.bound)
        raise DataError(
            f"--max-error: {max_error:g} can't be had with 95 % confidence; the least is "
            f"{least.bound:.3g}, at --threshold {least.threshold:.3f}, which answers "
            f"{least.answered:.0%}"
        )
    _say(
        f"predict: not sure below {rule.threshold:.3f}: of images like the training set's, "
        f"{rule.answered:.0%} get an answer, {rule.error:.1%} of these wrong "
        f"(at most {rule.bound:.1%})"
    )
    return rule.threshold


def ready(found: Bundle, model: Path, precision: str) -> Predictor:
    """The bundle at ``model`` at work here, its golden images checked. Raises NetworkError."""
    at_work = Predictor.here(found, precision)
    golden.check(golden.beside(model), at_work)
    if at_work.note:
        _say(f"predict: {at_work.note}")
    return at_work


def _to_file(
    given: Inputs,
    predicted: Callable[[Iterable[Candidate]], Iterator[Prediction]],
    out: Path,
    run: list[str],
    wishes: Wishes,
) -> Counter[str]:
    key = files.digest(os.fsencode(out.resolve()))[:16]
    with (
        files.locked(machine.lock(key), f"{out}: another run is writing it"),
        Journal(out, run, wishes) as journal,
    ):
        done = journal.done
        if done:
            _say(f"predict: {done.total()} images are in {journal.path}: going on")
        # a list may name an image twice, and have other lines than when the journal was begun
        named: Counter[str] = Counter()
        own = {out.resolve(), journal.path.resolve()}

        def todo() -> Iterator[Candidate]:
            for item in given.candidates:
                if Path(item.name).name in (out.name, journal.path.name) and (
                    Path(item.name).resolve() in own
                ):
                    continue  # what this very run writes
                named[item.name] += 1
                if named[item.name] > done[item.name]:
                    yield item

        def rows() -> Iterator[Prediction]:
            left = named.copy()
            for row in journal.read():
                left[row.path] -= 1
                if left[row.path] >= 0:
                    yield row

        total = None if given.total is None else given.total - done.total()
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
            print(f"{'—':{width}}        {path}  {row.reason}")
        else:
            others = row.top if row.status == NOT_SURE or len(row.top) > 1 else []
            more = "  " + ", ".join(f"{label} {p:.0%}" for label, p in others) if others else ""
            print(f"{said:{width}}  {row.confidence:4.0%}  {path}{more}")
            for one in row.neighbours:
                near = f"{one.similarity:.3f} {one.label}: {terminal.plain(one.path)}"
                print(f"{'':{width}}        {near}")
        yield row


def _say(text: str) -> None:
    print(text, file=sys.stderr)
