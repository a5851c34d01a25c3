"""Which training images an epoch shows, in which order, and how much each class counts.

All is a function of the seed and the epoch, so a run can be taken up at any image.
"""

import numpy as np


def epoch_order(labels: np.ndarray, balance: str, most: int, seed: int, epoch: int) -> np.ndarray:
    """Indices into ``labels (n,) int`` in the order of ``epoch``, at most ``most`` (0: all).

    ``oversample`` repeats images until every class has as many as the largest; which ones are
    repeated once more than others changes with the epoch.
    """
    random = np.random.default_rng([seed, epoch])
    if balance == "oversample":
        largest = int(np.bincount(labels).max())
        parts = [
            _repeated(np.flatnonzero(labels == label), largest, random)
            for label in np.unique(labels)
        ]
        order = random.permutation(np.concatenate(parts))
    else:
        order = random.permutation(len(labels))
    return order[:most] if most else order


def class_weights(labels: np.ndarray, classes: int, balance: str) -> np.ndarray:
    """How much a class's images count in the loss, ``(classes,) float32``, 1 on average."""
    if balance != "weights":
        return np.ones(classes, np.float32)
    counts = np.bincount(labels, minlength=classes)
    weights: np.ndarray = (len(labels) / (classes * np.maximum(counts, 1))).astype(np.float32)
    return weights


def _repeated(indices: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    whole, rest = divmod(count, len(indices))
    extra = random.choice(indices, rest, replace=False)
    return np.concatenate([np.tile(indices, whole), extra])
