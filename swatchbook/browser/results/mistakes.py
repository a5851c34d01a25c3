"""Where the classifier errs: which classes it takes for which, the surest mistakes, and whether
only these were looked at."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from swatchbook.browser.data.columns import Columns
from swatchbook.browser.data.columns_of_tables import NONE, SUBSETS
from swatchbook.browser.data.query import NO_ACT
from swatchbook.project import tables

# more classes make a table that nobody reads: then the pairs that are confused most
MOST_CLASSES = 30
_MOST_PAIRS = 60
_FEW_LOOKS = 20


@dataclass(frozen=True)
class Confusion:
    """``rows`` has of each class its name, ``counts`` by predicted class, support, recall,
    precision and F1 (None without images); ``pairs`` the most confused, as (label, predicted,
    count)."""

    classes: list[str]
    rows: list[dict[str, Any]]
    pairs: list[tuple[str, str, int]]
    images: int
    right: int


def confusion(c: Columns, subset: str) -> Confusion:
    """Of the images of a part that have a prediction; in the training part out of fold."""
    rows = (c.subset == SUBSETS.index(subset)) & (c.predicted != NONE) & (c.label != NONE)
    k = len(c.classes)
    both = c.label[rows].astype(np.int64) * k + c.predicted[rows]
    counts = np.bincount(both, minlength=k * k).reshape(k, k)
    right, support, predicted = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    used = np.flatnonzero(support + predicted)
    found = [
        {
            "label": c.classes[n],
            "counts": counts[n, used].tolist(),
            "support": int(support[n]),
            "recall": share(right[n], support[n]),
            "precision": share(right[n], predicted[n]),
            "f1": share(2 * right[n], support[n] + predicted[n]),
        }
        for n in used
    ]
    wrong = counts - np.diag(right)
    order = np.argsort(-wrong, axis=None, kind="stable")[:_MOST_PAIRS]
    pairs = [
        (c.classes[one // k], c.classes[one % k], int(wrong.flat[one]))
        for one in order
        if wrong.flat[one]
    ]
    names = [c.classes[n] for n in used]
    return Confusion(names, found, pairs, int(support.sum()), int(right.sum()))


def surest_mistakes(c: Columns, subset: str, count: int) -> tuple[list[int], bool]:
    """The rows of the wrong predictions of a part with most confidence, the surest first; and
    whether anything is predicted there."""
    known = (c.subset == SUBSETS.index(subset)) & (c.predicted != NONE) & (c.label != NONE)
    wrong = np.flatnonzero(known & (c.predicted != c.label))
    order = np.argsort(-c.confidence[wrong], kind="stable")[:count]
    return wrong[order].tolist(), bool(known.any())


def one_sided(c: Columns, acts: np.ndarray) -> str:
    """A sentence where mistakes of the test part were looked at, and few of its right answers:
    what is mended then are only the labels that speak against the classifier."""
    looked = (acts != NO_ACT) & (c.subset == SUBSETS.index(tables.TEST)) & (c.predicted != NONE)
    # before the act, which the tables may have already
    right = int(np.count_nonzero(looked & (c.predicted == c.given)))
    wrong = int(np.count_nonzero(looked)) - right
    if wrong <= _FEW_LOOKS or right >= wrong:
        return ""
    return (
        f"Of the test images that somebody has said something of, {wrong} were mistakes and "
        f"{right} were right: such a test part flatters the classifier. Look at as many right ones."
    )


def share(part: float, whole: float) -> float | None:
    """``part`` of ``whole``; None of nothing."""
    return float(part / whole) if whole else None
