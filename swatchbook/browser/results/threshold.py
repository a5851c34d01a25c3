"""From what confidence to answer: what each brings, and the key of params.yaml that says it."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from swatchbook.base import files, machine
from swatchbook.base.errors import BusyError
from swatchbook.browser.data.columns import Columns
from swatchbook.browser.data.columns_of_tables import NONE, SUBSETS
from swatchbook.browser.results.mistakes import share
from swatchbook.bundle import abstention
from swatchbook.bundle.parameters import Bundle
from swatchbook.pipeline import params_file
from swatchbook.project import params, tables

_KEY = ("bundle", "threshold")


def rules(c: Columns) -> list[dict[str, float | None]]:
    """What answering from each confidence on brings, as ``abstention.Rule`` by the out-of-fold
    predictions; and ``test_answered`` and ``test_error`` on the test part (None: no answer)."""
    known = (c.predicted != NONE) & (c.label != NONE)
    train = known & (c.subset == SUBSETS.index(tables.TRAIN))
    if not train.any():
        return []
    # who is alone is a group
    groups = np.where(c.group < 0, len(c) + np.arange(len(c)), c.group)
    right = c.predicted == c.label
    found_rules = abstention.rules(c.confidence[train].astype(float), right[train], groups[train])
    test = known & (c.subset == SUBSETS.index(tables.TEST))
    sure, is_right = c.confidence[test], right[test]
    order = np.argsort(sure, kind="stable")
    wrong_from = np.append(np.cumsum(~is_right[order][::-1])[::-1], 0)
    found: list[dict[str, float | None]] = []
    for rule in found_rules:
        first = int(np.searchsorted(sure[order], rule.threshold))
        answered = len(order) - first
        found.append({
            **asdict(rule),
            "test_answered": share(answered, len(order)),
            "test_error": share(wrong_from[first], answered),
        })  # fmt: skip
    return found


def by_class(c: Columns, at: float) -> list[dict[str, Any]]:
    """Of each class that occurs: ``label, images``, the share of them that gets an answer from
    the confidence ``at`` on, and ``recall`` and ``precision`` among the answered (None: of
    nothing); by the out-of-fold predictions."""
    known = (c.predicted != NONE) & (c.label != NONE)
    train = known & (c.subset == SUBSETS.index(tables.TRAIN))
    label, predicted = c.label[train].astype(int), c.predicted[train].astype(int)
    k = len(c.classes)
    answered = c.confidence[train] >= at
    right = answered & (label == predicted)
    images, sure, said, hits = (
        np.bincount(some, minlength=k)
        for some in (label, label[answered], predicted[answered], label[right])
    )
    return [
        {
            "label": c.classes[n], "images": int(images[n]), "answered": share(sure[n], images[n]),
            "recall": share(hits[n], sure[n]), "precision": share(hits[n], said[n]),
        }
        for n in np.flatnonzero(images)
    ]  # fmt: skip


def written() -> float:
    """What ``bundle.threshold`` is now. Raises ParamsError."""
    return params.load(Bundle).threshold


def write(at: float, before: float) -> None:
    """Have ``bundle.threshold`` be ``at``: one line of params.yaml changes.

    Raises:
        BusyError: it is no longer what it was ``before``.
        ParamsError: a value that is not allowed, or a file of another form.
    """
    lock = machine.lock(f"params-{files.digest(str(Path.cwd()).encode())[:16]}")
    with files.locked(lock, "params.yaml is written", wait=True):
        now = written()
        if now != before:
            raise BusyError(f"bundle.threshold is {now:g} by now, not {before:g}: load it again")
        text = params_file.with_values(params.PATH.read_text("utf-8"), {_KEY: f"{at:.6g}"})
        params.section_of(Bundle, params.parsed(text, params.PATH))
        files.write_bytes(params.PATH, text.encode())
