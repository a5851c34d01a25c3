"""Runs that git and DVC keep, for the pages: a table of them, a picture, and two side by side."""

import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from swatchbook.base import files
from swatchbook.base.errors import DataError
from swatchbook.browser.results.mistakes import MOST_CLASSES
from swatchbook.evaluation.headlines import HEADLINES
from swatchbook.evaluation.parameters import Evaluate
from swatchbook.experiments import comparison, comparison_report
from swatchbook.experiments.comparison import Comparison
from swatchbook.experiments.history import run_list, run_plots, run_table, runs
from swatchbook.experiments.history.run_list import Listed
from swatchbook.project import figures, params, tables

A_PAGE = 200
_COMMITS = 50
# DVC's repository is for one thread
_reading = threading.Lock()


def listed(kind: str, key: str, metric: str) -> tuple[list[dict[str, Any]], bool]:
    """A row a run: ``name, revision, kind, time, changed, metrics, seconds, device``, as text; and
    whether there is a ``picture``.

    ``kind``: these only; ``key``: a metric or parameter to order by. Raises DataError.
    """
    every = run_list.runs(_COMMITS)
    found = run_list.only(every, [kind] if kind else [])
    rows = [_row(run) for run in (run_table.ordered(found, key) if key else found)]
    return rows, run_plots.can_be_drawn(*run_plots.differing(every, metric))


def picture(metric: str) -> bytes:
    """A PNG of the runs by what was changed, ending at a metric.

    Raises:
        DataError: too few runs, or nothing differs.
    """
    return figures.png(run_plots.parallel_coordinates(run_list.runs(_COMMITS), metric), 100)


def names() -> list[str]:
    """What can be compared."""
    with _reading:
        return [runs.WORKSPACE, *runs.names()]


def compared(a: str, b: str, show: str, page: int) -> dict[str, Any]:
    """Run ``b`` against ``a``: in words, as tables, and the images of a kind, a page of them.

    Raises:
        DataError: a run is not known or not here, or the two can't be compared.
    """
    if a == b:
        raise DataError(f"{a} can't differ from itself: choose another run")
    found = _comparison(a, b, _state(a), _state(b), params.load(Evaluate))
    kinds = _kinds(found.shared.rows)
    if show not in kinds:
        raise DataError(f"show: {show[:40]!r} must be one of {', '.join(kinds)}")
    rows = np.flatnonzero(kinds[show])
    first = A_PAGE * (page - 1)
    return {
        "sentence": comparison_report.sentence(a, b, found),
        "notes": comparison_report.notes(a, b, found),
        "tables": [
            _table(comparison_report.metrics_table(found)),
            _table(comparison_report.classes_table(found)),
        ],
        "counts": {name: int(mask.sum()) for name, mask in kinds.items()},
        "images": [_image(found, int(row)) for row in rows[first : first + A_PAGE]],
        "pages": max(1, -(-len(rows) // A_PAGE)),
        "confusions": _confusions(found) if len(found.shared.a.classes) <= MOST_CLASSES else [],
        "classes": found.shared.a.classes,
    }


def _row(run: Listed) -> dict[str, Any]:
    changes = [f"{key} = {run_list.text_of(value)}" for key, value in run.changed.items()]
    return {
        "name": run.name, "revision": run.revision, "kind": run.kind, "changed": changes,
        "time": f"{run.time:%Y-%m-%d %H:%M}" if run.time else "",
        "metrics": {name: run.metrics.get(name) for name in HEADLINES},
        "seconds": round(sum(run.seconds.values())), "device": run.device,
    }  # fmt: skip


def _state(run: str) -> str:
    """What changes when the run of that name is another one."""
    if run != runs.WORKSPACE:
        with _reading:
            return runs.revision(run)
    try:
        return files.md5(tables.PREDICTIONS.path)
    except FileNotFoundError:
        return ""


@lru_cache(4)
def _comparison(a: str, b: str, _of_a: str, _of_b: str, settings: Evaluate) -> Comparison:
    with _reading:
        # a page that is looked at fetches nothing
        both = [runs.predictions(name, fetch=False) for name in (a, b)]
    (found,) = comparison.compare(
        both[0], [both[1]], settings.confidence, settings.resamples, settings.seed
    )
    return found


def _kinds(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """By who is right, which images ``(n,) bool`` they are."""
    label, of_a, of_b = (
        rows[name].to_numpy(str) for name in ("label", "predicted_a", "predicted_b")
    )
    right_a, right_b = of_a == label, of_b == label
    return {
        "fixed": right_b & ~right_a,
        "broken": right_a & ~right_b,
        "otherwise wrong": ~right_a & ~right_b & (of_a != of_b),
        "both wrong": ~right_a & ~right_b,
        "all": np.ones(len(rows), bool),
    }


def _image(found: Comparison, row: int) -> dict[str, Any]:
    shared = found.shared
    told = shared.rows.iloc[row]
    return {
        "sha256": told["sha256"], "label": told["label"],
        "a": _top(shared.a.probabilities[row], shared.a.classes),
        "b": _top(shared.b.probabilities[row], shared.b.classes),
    }  # fmt: skip


def _top(probabilities: np.ndarray, classes: Sequence[str]) -> list[tuple[str, float]]:
    order = np.argsort(-probabilities, kind="stable")[:3]
    return [(str(classes[n]), float(probabilities[n])) for n in order]


def _confusions(found: Comparison) -> list[list[list[int]]]:
    """Of both runs, how often each class (a row) is taken for each."""
    shared = found.shared
    k = len(shared.a.classes)
    return [
        np.bincount(run.truth * k + run.predicted, minlength=k * k).reshape(k, k).tolist()
        for run in (shared.a, shared.b)
    ]


def _table(frame: pd.DataFrame) -> dict[str, Any]:
    return {"head": list(frame.columns), "rows": frame.to_numpy().tolist()}
