"""Points of the curves that are plotted: for DVC as CSV, for pictures as tables."""

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve, roc_curve

from swatchbook.evaluation.measures import Predictions, bin_of

# beyond this a curve looks the same and its file only grows
_Z = 1.959964
_MOST_POINTS = 500
# the curve of all decisions pooled; no folder is called so
MICRO = "micro (all classes)"


def roc(predictions: Predictions) -> pd.DataFrame:
    """``class, fpr, tpr``: one-vs-rest per class, then ``MICRO``."""
    parts = []
    for name, positive, scores in _one_vs_rest(predictions):
        fpr, tpr, _ = roc_curve(positive, scores)
        parts.append(_thinned(pd.DataFrame({"class": name, "fpr": fpr, "tpr": tpr})))
    return pd.concat(parts, ignore_index=True)


def precision_recall(predictions: Predictions) -> pd.DataFrame:
    """``class, recall, precision``: one-vs-rest per class, then ``MICRO``."""
    parts = []
    for name, positive, scores in _one_vs_rest(predictions):
        precision, recall, _ = precision_recall_curve(positive, scores)
        points = pd.DataFrame({"class": name, "recall": recall, "precision": precision})
        parts.append(_thinned(points.iloc[::-1]))
    return pd.concat(parts, ignore_index=True)


def confusion(predictions: Predictions) -> pd.DataFrame:
    """``actual, predicted, count, share``: a row for each pair of classes, also the empty ones.

    ``share`` is that of the actual class: the diagonal holds the recalls.
    """
    size = len(predictions.classes)
    counts = np.zeros((size, size), int)
    np.add.at(counts, (predictions.truth, predictions.predicted), 1)
    actual, predicted = np.divmod(np.arange(size * size), size)
    names = np.array(predictions.classes, dtype=object)
    share = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    return pd.DataFrame(
        {
            "actual": names[actual],
            "predicted": names[predicted],
            "count": counts.ravel(),
            "share": share.ravel(),
        }
    )


def reliability(predictions: Predictions, least: int = 1) -> pd.DataFrame:
    """``confidence, accuracy, images, low, high``: means of each occupied bin of confidence, and
    the accuracy's 95 % interval (Wilson 1927). Bins of fewer than ``least`` images join the next.
    """
    confidence = predictions.probabilities.max(axis=1)
    right = predictions.predicted == predictions.truth
    frame = pd.DataFrame({"bin": bin_of(confidence), "confidence": confidence, "accuracy": right})
    frame["bin"] = frame["bin"].map(_joined(frame["bin"].value_counts().sort_index(), least))
    bins = frame.groupby("bin").agg(
        confidence=("confidence", "mean"), accuracy=("accuracy", "mean"), images=("bin", "size")
    )
    share, n = bins["accuracy"], bins["images"]
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    reach = _Z / (1 + _Z**2 / n) * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    # rounding must not put the share itself outside
    bins = bins.assign(
        low=np.minimum(middle - reach, share), high=np.maximum(middle + reach, share)
    )
    return bins.reset_index(drop=True)


def _joined(counts: pd.Series, least: int) -> dict[int, int]:
    """By bin, to which one it goes, from the surest down; what is left joins the last one."""
    found: dict[int, int] = {}
    own: list[int] = []
    images = 0
    pairs = zip(counts.index.tolist(), counts.tolist(), strict=True)
    for number, count in reversed(list(pairs)):
        own.append(number)
        images += count
        if images >= least:
            found.update(dict.fromkeys(own, own[0]))
            own, images = [], 0
    last = min(found.values(), default=own[0] if own else 0)
    return {**found, **dict.fromkeys(own, last)}


def _one_vs_rest(predictions: Predictions) -> list[tuple[str, np.ndarray, np.ndarray]]:
    curves = []
    for number, name in enumerate(predictions.classes):
        positive = predictions.truth == number
        if 0 < positive.sum() < len(positive):
            curves.append((name, positive, predictions.probabilities[:, number]))
    pooled = predictions.truth[:, None] == np.arange(len(predictions.classes))
    return [*curves, (MICRO, pooled.ravel(), predictions.probabilities.ravel())]


def _thinned(points: pd.DataFrame) -> pd.DataFrame:
    if len(points) <= _MOST_POINTS:
        return points
    return points.iloc[np.linspace(0, len(points) - 1, _MOST_POINTS).round().astype(int)]
