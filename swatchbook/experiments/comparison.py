"""Whether two runs differ: on the images that both were tested on, image by image.

The classifiers saw the same images, so what counts is where they disagree: images that B gets
right and A wrong (fixed), and the other way round (broken).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.stats import binomtest, norm

from swatchbook.base.errors import DataError
from swatchbook.evaluation import measures
from swatchbook.evaluation.headlines import HEADLINES, SHARES
from swatchbook.evaluation.measures import Predictions
from swatchbook.project.tables import TEST, TRAIN, classes_of


@dataclass(frozen=True)
class Shared:
    """Two runs on the images that both have in their test part, in the same order.

    ``rows`` has ``sha256, path, label, predicted_a, predicted_b`` of each. The counts tell what
    is left out: test images of one run that the other was trained on, or doesn't have at all,
    and how many of the shared ones have another label in A than in B (B's counts).
    """

    a: Predictions
    b: Predictions
    rows: pd.DataFrame
    tested_in_a: int
    tested_in_b: int
    trained_in_b: int
    trained_in_a: int
    relabelled: int

    @property
    def flips(self) -> pd.DataFrame:
        """The rows on which exactly one is right, with ``kind``: fixed or broken."""
        right_a, right_b = (self.rows[f"predicted_{run}"] == self.rows["label"] for run in "ab")
        kind = np.where(right_b & ~right_a, "fixed", np.where(right_a & ~right_b, "broken", ""))
        flips: pd.DataFrame = self.rows.assign(kind=kind)[kind != ""]
        return flips.sort_values(["kind", "label", "sha256"], ignore_index=True)


@dataclass(frozen=True)
class Comparison:
    """B against A. ``metrics`` has for each headline ``a``, ``b`` and ``difference`` (B − A), each
    with ``value``, ``low`` and ``high``; ``per_class`` a row a class. ``fixed`` and ``broken``
    count images, ``test`` groups; ``p_adjusted`` is its p after Holm's correction over all runs.
    ``verdict`` is better, worse, or empty where it can't be told, as in ``per_class``.
    """

    shared: Shared
    metrics: dict[str, dict[str, dict[str, float]]]
    fixed: int
    broken: int
    test: "SignTest"
    p_adjusted: float
    verdict: str
    per_class: pd.DataFrame


def compare(
    a: pd.DataFrame,
    others: Sequence[pd.DataFrame],
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> list[Comparison]:
    """Compare runs with the run ``a``; each is rows of ``tables.PREDICTIONS``.

    Holm's step-down procedure (1979) corrects the p-values of the runs, and those of all
    classes of all runs.

    Raises:
        DataError: where a run has other classes, or no test image in common with ``a``.
    """
    pairs = [share(a, b) for b in others]
    tests = [mcnemar(pair.a, pair.b) for pair in pairs]
    adjusted = holm([test.p for test in tests])
    tables = [_per_class(pair) for pair in pairs]
    of_classes = holm([p for table in tables for p in table["p"]])
    found = []
    for pair, table, test, p_adjusted in zip(pairs, tables, tests, adjusted, strict=True):
        own, of_classes = of_classes[: len(table)], of_classes[len(table) :]
        fixed, broken = (int(flips.sum()) for flips in _flips(pair.a, pair.b))
        verdict = _verdict(fixed - broken, test.better - test.worse, p_adjusted, confidence)
        verdicts = [
            _verdict(row["fixed"] - row["broken"], row["better"] - row["worse"], p, confidence)
            for row, p in zip(table.to_dict("records"), own, strict=True)
        ]
        found.append(
            Comparison(
                pair, _metrics(pair, confidence, resamples, seed), fixed, broken, test, p_adjusted,
                verdict, table.assign(p_adjusted=own, verdict=verdicts),
            )
        )  # fmt: skip
    return found


def _verdict(by_images: int, by_groups: int, p: float, confidence: float) -> str:
    """Which way the flips go beyond chance; nothing where one large group outweighs many others:
    images and groups say the opposite then.
    """
    if p >= 1 - confidence or by_images * by_groups <= 0:
        return ""
    return "better" if by_images > 0 else "worse"


def share(a: pd.DataFrame, b: pd.DataFrame) -> Shared:
    """The two runs on the images that both were tested on. Raises DataError as ``compare``."""
    classes = classes_of(a)
    if classes != classes_of(b):
        only = sorted(set(classes) ^ set(classes_of(b)))
        raise DataError(
            f"the runs have other classes ({', '.join(only[:5])} in one of them only): "
            "probabilities of different classes can't be compared; choose runs of one data set"
        )
    tests = [rows[rows["subset"] == TEST].set_index("sha256") for rows in (a, b)]
    common = tests[0].index.intersection(tests[1].index).sort_values()
    if common.empty:
        raise DataError(
            "the runs have no test image in common: nothing can be compared; "
            "choose runs of one split"
        )
    left, right = (rows.loc[common] for rows in tests)
    groups = _joined(left["group"], right["group"])
    # B is the later one: who corrected a label between the runs wants it to count
    both = [
        measures.predictions_of(rows.assign(label=right["label"], group=groups), classes)
        for rows in (left, right)
    ]
    rows = pd.DataFrame(
        {
            "sha256": common, "path": right["path"].to_numpy(), "label": right["label"].to_numpy(),
            "predicted_a": left["predicted"].to_numpy(),
            "predicted_b": right["predicted"].to_numpy(),
        }
    )  # fmt: skip
    trained = [set(rows.loc[rows["subset"] == TRAIN, "sha256"]) for rows in (a, b)]
    return Shared(
        both[0], both[1], rows, len(tests[0]), len(tests[1]),
        trained_in_b=len(trained[1] & set(tests[0].index)),
        trained_in_a=len(trained[0] & set(tests[1].index)),
        relabelled=int((left["label"] != right["label"]).sum()),
    )  # fmt: skip


@dataclass(frozen=True)
class SignTest:
    """Groups on which B is better and worse than A, and the exact two-sided p-value."""

    better: int
    worse: int
    p: float


def mcnemar(a: Predictions, b: Predictions) -> SignTest:
    """Whether one is more often right than the other.

    McNemar's test (1947) with each group as one observation, by the sign of its net flips: near-
    duplicates flip together and are no independent evidence. Where every group is one image it
    is McNemar's test of the images.
    """
    fixed, broken = _flips(a, b)
    net = np.zeros(a.groups.max() + 1)
    np.add.at(net, a.groups, fixed.astype(float) - broken)
    better, worse = int((net > 0).sum()), int((net < 0).sum())
    p = float(binomtest(better, better + worse).pvalue) if better + worse else 1.0
    return SignTest(better, worse, p)


def holm(values: Sequence[float]) -> list[float]:
    """p-values adjusted by Holm's step-down procedure (1979)."""
    order = np.argsort(values, kind="stable")
    steps = len(values) - np.arange(len(values))
    sorted_ = np.maximum.accumulate(np.minimum(1, np.asarray(values)[order] * steps))
    adjusted = np.empty(len(values))
    adjusted[order] = sorted_
    return [float(value) for value in adjusted]


def difference(
    name: str,
    drawn: tuple[np.ndarray, np.ndarray],
    values: tuple[float, float],
    pair: tuple[Predictions, Predictions],
    confidence: float,
) -> dict[str, float]:
    """``value, low, high`` of B − A in a headline metric, from paired bootstrap ``drawn``.

    Percentiles; those of accuracies are widened to Bonett and Price's interval for paired shares
    (2012), for a bootstrap of few flips sees too little spread.
    """
    value = values[1] - values[0]
    deltas = drawn[1] - drawn[0]
    low, high = np.nanquantile(deltas, [(1 - confidence) / 2, (1 + confidence) / 2])
    if name == "expected_calibration_error":
        # each is a mean of absolute gaps, which resampling moves up: not by the same amount
        bias = np.nanmean(deltas) - value
        low, high = low - bias, high - bias
    if name in SHARES:
        wide = _paired_interval(name, *pair, confidence)
        low, high = min(low, wide[0]), max(high, wide[1])
    return {"value": value, "low": float(min(low, value)), "high": float(max(high, value))}


def _paired_interval(
    name: str, a: Predictions, b: Predictions, confidence: float
) -> tuple[float, float]:
    """Bonett and Price (2012), with groups as observations; for the class average those of the
    classes, combined by square-and-add (Zou and Donner 2008)."""
    fixed, broken = _flips(a, b)
    parts = [np.ones(len(fixed), bool)]
    if name == "class_average_accuracy":
        parts = [a.truth == number for number in np.unique(a.truth)]
    z = norm.ppf((1 + confidence) / 2)
    values, below, above = [], [], []
    for part in parts:
        count = len(np.unique(a.groups[part]))
        ups = (fixed[part].mean() * count + 1) / (count + 2)
        downs = (broken[part].mean() * count + 1) / (count + 2)
        middle = ups - downs
        reach = z * np.sqrt((ups + downs - middle**2) / (count + 2))
        value = fixed[part].mean() - broken[part].mean()
        values.append(value)
        below.append(value - (middle - reach))
        above.append(middle + reach - value)
    mean = float(np.mean(values))
    down, up = (float(np.linalg.norm(reach)) / len(parts) for reach in (below, above))
    return mean - down, mean + up


def _metrics(
    pair: Shared, confidence: float, resamples: int, seed: int
) -> dict[str, dict[str, dict[str, float]]]:
    both = pair.a, pair.b
    everything = np.ones((1, len(pair.rows)))
    drawn = [measures.bootstrap(run, resamples, seed) for run in both]
    values = [measures.headline(run, everything) for run in both]
    table = {}
    for name in HEADLINES:
        own = float(values[0][name][0]), float(values[1][name][0])
        if np.isnan(own).any():
            continue  # a curve of one class alone
        table[name] = {
            run: {
                "value": own[number],
                **measures.interval(
                    name, own[number], drawn[number][name], both[number], confidence
                ),
            }
            for number, run in enumerate("ab")
        }
        pairs = drawn[0][name], drawn[1][name]
        table[name]["difference"] = difference(name, pairs, own, both, confidence)
    return table


def _per_class(pair: Shared) -> pd.DataFrame:
    """``class, images, recall_a, recall_b, fixed, broken, better, worse, p`` of the classes that
    occur; ``better`` and ``worse`` count groups.
    """
    fixed, broken = _flips(pair.a, pair.b)
    rows: list[dict[str, Any]] = []
    for number, name in enumerate(pair.a.classes):
        own = pair.a.truth == number
        if not own.any():
            continue
        parts = [_of(run, own) for run in (pair.a, pair.b)]
        test = mcnemar(*parts)
        recalls = [float((part.predicted == part.truth).mean()) for part in parts]
        rows.append(
            {
                "class": name, "images": int(own.sum()), "recall_a": recalls[0],
                "recall_b": recalls[1], "fixed": int(fixed[own].sum()),
                "broken": int(broken[own].sum()), "better": test.better, "worse": test.worse,
                "p": test.p,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def _of(run: Predictions, chosen: np.ndarray) -> Predictions:
    return Predictions(
        run.truth[chosen], run.probabilities[chosen], run.groups[chosen], run.classes
    )


def _flips(a: Predictions, b: Predictions) -> tuple[np.ndarray, np.ndarray]:
    """Which images B gets right and A wrong, and the other way round."""
    right_a, right_b = a.predicted == a.truth, b.predicted == b.truth
    return right_b & ~right_a, right_a & ~right_b


def _joined(left: pd.Series, right: pd.Series) -> np.ndarray:
    """Numbers of groups that hold together what either run held together, ``(n,) int``."""
    of_left, _ = pd.factorize(left)
    of_right, names = pd.factorize(right)
    size = len(names) + int(of_left.max()) + 1
    links = coo_array(
        (np.ones(len(left), bool), (of_right, of_left + len(names))), shape=(size, size)
    )
    component: np.ndarray = connected_components(links, directed=False)[1][of_right]
    return component
