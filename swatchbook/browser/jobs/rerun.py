"""`dvc repro` from a page, and whether what came of it is better."""

import re
from pathlib import Path
from typing import Any

import pandas as pd

from swatchbook.base import files
from swatchbook.base.errors import DataError, SwatchbookError
from swatchbook.browser.jobs.job import Job
from swatchbook.curation import annotations
from swatchbook.evaluation.parameters import Evaluate
from swatchbook.project import params, stage, tables
from swatchbook.project.params import STAGES
from swatchbook.project.shared_keys import DataSet

_RUNS = re.compile(r"Running stage '(\w+)'")
_SKIPS = re.compile(r"Stage '(\w+)' (didn't change|is cached)")
_MOST_FLIPS = 200
_REPRO = ["dvc", "repro"]
_LOOK_ANEW = [*_REPRO, "--force", "--single-item", "acquire"]
BEFORE, AFTER = "the one before", "the new run"


class Rerun(Job):
    """The run that a page began last: its stages in order, and at the end the verdict."""

    def __init__(self) -> None:
        super().__init__([_REPRO], "a run")
        self._stages: dict[str, str] = {}
        self._verdict: dict[str, Any] = {}
        self._predicted: pd.DataFrame | None = None

    def start(self, update: bool = False) -> None:
        """Begin; with ``update`` as ``make update`` does, which looks at the source anew. Raises
        as ``Job.start``."""
        self._commands = [_LOOK_ANEW, _REPRO] if update else [_REPRO]
        super().start()

    def _before(self) -> None:
        # not at the top: who only looks at images should not wait for it
        from swatchbook.pipeline import params as all_params

        with files.locked(stage.lock_of(Path.cwd()), "a stage is at work in this folder"):
            pass
        all_params.load()
        self._stages, self._verdict, self._predicted = {}, {}, _predictions()

    def _said(self, line: str) -> None:
        if found := _RUNS.search(line):
            _done(self._stages)
            self._stages[found[1]] = "running"
        elif found := _SKIPS.search(line):
            _done(self._stages)
            # as the second of two commands finds what the first one did
            self._stages.setdefault(found[1], "unchanged")

    def _ended(self, code: int) -> None:
        if code == 0:
            _done(self._stages)
            try:
                self._verdict = _verdict(self._predicted)
            except SwatchbookError as error:
                # of a file that somebody has changed meanwhile
                self._verdict = {"verdict": f"It can't be judged: {error}", "flips": []}

    def _more(self) -> dict[str, Any]:
        stages = [{"name": name, "state": self._stages.get(name, "")} for name in STAGES]
        return {"stages": stages, **self._verdict}


def _done(stages: dict[str, str]) -> None:
    for name, state in stages.items():
        if state == "running":
            stages[name] = "done"


def _predictions() -> pd.DataFrame | None:
    try:
        return tables.PREDICTIONS.read()
    except DataError:
        return None


def _verdict(before: pd.DataFrame | None) -> dict[str, Any]:
    """In words whether the run is better, what to know of that, and the images that flipped."""
    from swatchbook.experiments import comparison, comparison_report

    after = _predictions()
    if before is None or after is None:
        return {"verdict": "This was the first run: nothing to compare it with.", "flips": []}
    settings = params.load(Evaluate)
    try:
        (found,) = comparison.compare(
            before, [after], settings.confidence, settings.resamples, settings.seed
        )
    except SwatchbookError as error:
        return {"verdict": f"The runs can't be compared: {error}", "flips": []}
    shown = ["sha256", "kind", "label", "predicted_a", "predicted_b"]
    return {
        "verdict": comparison_report.sentence(BEFORE, AFTER, found),
        "notes": comparison_report.notes(BEFORE, AFTER, found),
        "flips": found.shared.flips[shown].head(_MOST_FLIPS).to_dict("records"),
        "flipped": len(found.shared.flips),
        "contradicted": _contradicted(after),
    }


def _contradicted(predictions: pd.DataFrame) -> int:
    """How many images the classifier takes for another class than a person said they are."""
    acts = annotations.read(params.load(DataSet).data_set)
    said = annotations.latest(annotations.on_images(acts, tables.MANIFEST.read()))["label"]
    rows = predictions[predictions["sha256"].isin(said.index)]
    label = rows["sha256"].map(said)
    return int(((label != "") & (label != rows["predicted"])).sum())
