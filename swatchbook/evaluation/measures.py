"""Metrics of predictions, each with an interval from a bootstrap over groups."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.metrics import precision_recall_fscore_support

from swatchbook.base.errors import DataError
from swatchbook.evaluation.headlines import HEADLINES, SHARES
from swatchbook.project import tables

BINS = 15
# weights held at once in the bootstrap; with what is computed from them about 250 MB
_AT_ONCE = 5_000_000


@dataclass(frozen=True)
class Predictions:
    """Test images: ``truth (n,) int``, ``probabilities (n, k)``, their groups and class names."""

    truth: np.ndarray
    probabilities: np.ndarray
    groups: np.ndarray
    classes: list[str]

    @property
    def predicted(self) -> np.ndarray:
        """Index of the most probable class, ``(n,) int``."""
        best: np.ndarray = self.probabilities.argmax(axis=1)
        return best


def headline(predictions: Predictions, weights: np.ndarray) -> dict[str, np.ndarray]:
    """The headline metrics under each row of ``weights (b, n)``: how often each image counts.

    Class-average accuracy is the mean recall of the classes that occur. ROC AUC and average
    precision are one-vs-rest means over the classes. Undefined values are NaN.
    """
    truth, probabilities = predictions.truth, predictions.probabilities
    right = (predictions.predicted == truth).astype(float)
    total = weights.sum(axis=1)
    own = np.clip(probabilities[np.arange(len(truth)), truth], 1e-15, 1)
    recalls, areas, precisions = [], [], []
    for number in range(len(predictions.classes)):
        positive = truth == number
        with np.errstate(invalid="ignore", divide="ignore"):
            recalls.append((weights @ (right * positive)) / (weights @ positive))
        area, precision = _areas(probabilities[:, number], positive, weights)
        areas.append(area)
        precisions.append(precision)
    return {
        "accuracy": weights @ right / total,
        "class_average_accuracy": _mean(recalls),
        "roc_auc_macro": _mean(areas),
        "average_precision_macro": _mean(precisions),
        "log_loss": weights @ -np.log(own) / total,
        "expected_calibration_error": calibration_error(probabilities.max(axis=1), right, weights),
    }


def roc_auc(scores: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Area under the ROC curve under each row of ``weights (b, n)``; ties count half."""
    return _areas(scores, positive, weights)[0]


def average_precision(scores: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Average precision under each row of ``weights (b, n)``: Σ precision × rise of recall."""
    return _areas(scores, positive, weights)[1]


def calibration_error(confidence: np.ndarray, right: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Expected calibration error over 15 equal bins of confidence (Guo et al. 2017)."""
    bins = bin_of(confidence)
    gaps = np.zeros(len(weights))
    for number in range(BINS):
        gaps += np.abs(weights[:, bins == number] @ (right - confidence)[bins == number])
    error: np.ndarray = gaps / weights.sum(axis=1)
    return error


def bin_of(confidence: np.ndarray) -> np.ndarray:
    """The bin, 0…14, of each confidence."""
    bins: np.ndarray = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return bins


def resampled(groups: np.ndarray, resamples: int, random: np.random.Generator) -> np.ndarray:
    """Weights ``(resamples, n)`` of a bootstrap that draws whole groups with replacement.

    Near-duplicates are one observation, not several (cluster bootstrap; Davison and Hinkley,
    "Bootstrap Methods and their Application", 1997, section 3.8).
    """
    names, number = np.unique(groups, return_inverse=True)
    shares = np.full(len(names), 1 / len(names))
    drawn = random.multinomial(len(names), shares, size=resamples)
    weights: np.ndarray = drawn[:, number].astype(float)
    return weights


def measure(
    predictions: Predictions, confidence: float, resamples: int, seed: int
) -> dict[str, Any]:
    """All metrics: headlines, their intervals, and per class. No NaN is ever in it.

    Raises:
        DataError: where fewer than two classes have test images: no curve is defined then.
    """
    if len(np.unique(predictions.truth)) < 2:
        raise DataError(
            "evaluate: fewer than two classes have test images that can be read; "
            "see data/unreadable.csv"
        )
    everything = np.ones((1, len(predictions.truth)))
    values = headline(predictions, everything)
    drawn = bootstrap(predictions, resamples, seed)
    intervals = {
        name: interval(name, float(values[name][0]), drawn[name], predictions, confidence)
        for name in HEADLINES
    }
    return {
        "test_images": len(predictions.truth),
        **{name: float(values[name][0]) for name in HEADLINES},
        "interval": intervals,
        **_micro(predictions),
        "per_class": _per_class(predictions, everything),
    }


def interval(
    name: str, value: float, drawn: np.ndarray, predictions: Predictions, confidence: float
) -> dict[str, float]:
    """``low`` and ``high`` of a headline metric, of its values ``drawn`` by ``bootstrap``."""
    low, high = np.nanquantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    if name == "expected_calibration_error":
        # a mean of absolute gaps grows with every resampling: take that bias out
        bias = np.nanmean(drawn) - value
        low, high = max(0.0, low - bias), high - bias
    if name in SHARES:
        # near 0 and 1 the bootstrap sees too little spread, and none where all are right
        score = _score_interval(name, predictions, confidence)
        low, high = min(low, score[0]), max(high, score[1])
    return {"low": float(min(low, value)), "high": float(max(high, value))}


def _score_interval(name: str, predictions: Predictions, confidence: float) -> tuple[float, float]:
    """Wilson's interval (1927) with groups as observations; for the class average those of the
    classes, combined by square-and-add (Zou and Donner 2008)."""
    right = predictions.predicted == predictions.truth
    parts = [np.ones(len(right), bool)]
    if name == "class_average_accuracy":
        parts = [predictions.truth == number for number in np.unique(predictions.truth)]
    z2 = norm.ppf((1 + confidence) / 2) ** 2
    shares, lows, highs = [], [], []
    for part in parts:
        share, count = right[part].mean(), len(np.unique(predictions.groups[part]))
        middle = (share + z2 / (2 * count)) / (1 + z2 / count)
        reach = np.sqrt(z2 * (share * (1 - share) / count + z2 / (4 * count**2)))
        reach /= 1 + z2 / count
        shares.append(share)
        lows.append(middle - reach)
        highs.append(middle + reach)
    mean = np.mean(shares)
    below = np.linalg.norm(np.subtract(shares, lows)) / len(parts)
    above = np.linalg.norm(np.subtract(highs, shares)) / len(parts)
    return mean - below, mean + above


def bootstrap(predictions: Predictions, resamples: int, seed: int) -> dict[str, np.ndarray]:
    """Each headline metric under ``resamples`` draws of whole groups, ``(resamples,)``.

    Predictions of the same images in the same groups are drawn alike, so that their differences
    are paired.
    """
    random = np.random.default_rng(seed)
    # the weights of all resamples at once would not fit into memory for large test sets
    size = max(1, _AT_ONCE // len(predictions.truth))
    parts = [
        headline(predictions, resampled(predictions.groups, min(size, resamples - start), random))
        for start in range(0, resamples, size)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in HEADLINES}


def _micro(predictions: Predictions) -> dict[str, float]:
    truth = predictions.truth[:, None] == np.arange(len(predictions.classes))
    scores = predictions.probabilities.ravel()
    weights = np.ones((1, scores.size))
    return {
        "roc_auc_micro": float(roc_auc(scores, truth.ravel(), weights)[0]),
        "average_precision_micro": float(average_precision(scores, truth.ravel(), weights)[0]),
    }


def _per_class(predictions: Predictions, everything: np.ndarray) -> dict[str, dict[str, float]]:
    numbers = np.arange(len(predictions.classes))
    precision, recall, f1, support = precision_recall_fscore_support(
        predictions.truth, predictions.predicted, labels=numbers, zero_division=0
    )
    table = {}
    for number, name in enumerate(predictions.classes):
        positive, scores = predictions.truth == number, predictions.probabilities[:, number]
        table[name] = {
            "precision": float(precision[number]),
            "recall": float(recall[number]),
            "f1": float(f1[number]),
            "support": int(support[number]),
            "roc_auc": float(roc_auc(scores, positive, everything)[0]),
            "average_precision": float(average_precision(scores, positive, everything)[0]),
        }
        # a class without test images (all unreadable) has no area: left out, never NaN
        table[name] = {key: value for key, value in table[name].items() if value == value}
    return table


def _areas(
    scores: np.ndarray, positive: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """ROC AUC and average precision, from the weights at or above each distinct score."""
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.diff(scores[order], append=-np.inf))
    ordered = weights[:, order]
    ups = np.cumsum(ordered * positive[order], axis=1)[:, last]
    downs = np.cumsum(ordered * ~positive[order], axis=1)[:, last]
    rise, all_up, all_down = np.diff(ups, prepend=0), ups[:, -1], downs[:, -1]
    below = all_down[:, None] - downs + np.diff(downs, prepend=0) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        area = (rise * below).sum(axis=1) / (all_up * all_down)
        precision = (np.nan_to_num(ups / (ups + downs)) * rise).sum(axis=1) / all_up
    return area, precision


def _mean(rows: list[np.ndarray]) -> np.ndarray:
    table = np.array(rows)
    known = ~np.isnan(table)
    with np.errstate(invalid="ignore"):
        mean: np.ndarray = np.where(known, table, 0).sum(axis=0) / known.sum(axis=0)
    return mean


def predictions_of(rows: pd.DataFrame, classes: list[str]) -> Predictions:
    """Predictions from rows of ``tables.PREDICTIONS``."""
    truth = np.searchsorted(classes, rows["label"])
    probabilities = rows[tables.probability_columns(classes)].to_numpy(float)
    return Predictions(truth, probabilities, rows["group"].to_numpy(), classes)
