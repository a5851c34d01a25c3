"""Would more images help? The error against the number of training images, and where it goes.

All of it inside the training part: the test part is not looked at.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from swatchbook.base.chance import seed_of
from swatchbook.classifiers import estimators
from swatchbook.classifiers.parameters import TrainClassifier

SHARES = tuple(0.5**power for power in range(5, -1, -1))
_FEWEST = 2


@dataclass(frozen=True)
class Curve:
    """Grouped cross-validation with ever more of the training images.

    ``images (s,)``: how many an average class had; ``right (s, m)``: the share of repeats in
    which each judged image was classified right; ``labels`` and ``groups`` ``(m,)`` are theirs.
    """

    images: np.ndarray
    right: np.ndarray
    labels: np.ndarray
    groups: np.ndarray

    @property
    def now(self) -> float:
        """How many images an average class has in all; a little beyond the last of ``images``."""
        return len(self.labels) / len(np.unique(self.labels))

    def errors(self, chosen: np.ndarray | None = None) -> np.ndarray:
        """The error of each class ``(s, k)``, classes sorted, over the images ``chosen``."""
        rows = np.arange(len(self.labels)) if chosen is None else chosen
        labels = self.labels[rows]
        return np.stack(
            [1 - self.right[:, rows[labels == name]].mean(axis=1) for name in np.unique(labels)],
            axis=1,
        )


@dataclass(frozen=True)
class PowerLaw:
    """``error(n) = floor + height · n^−slope``: the usual form of learning curves (Cortes et al.,
    NIPS 1993; Figueroa et al., 2012).
    """

    floor: float
    height: float
    slope: float

    def __call__(self, images: float) -> float:
        return float(self.floor + self.height * images**-self.slope)

    def images_for(self, error: float) -> float:
        """How many images an error takes; infinite where it is not to be had."""
        if error <= self.floor or not self.height:
            return float("inf")
        return float((self.height / (error - self.floor)) ** (1 / self.slope))


@dataclass(frozen=True)
class Outlook:
    """What more images promise, each as ``(estimate, low, high)``.

    ``doubling``: by how much the class-average error falls with twice the images; ``for_a_point``:
    how many more images a class a fall by one point takes. ``helped`` is the class whose error
    falls most when images are doubled, ``helped_by`` by how much; ``band (s, 2)`` has low and high
    of the class-average error at each of ``Curve.images``.
    """

    law: PowerLaw
    doubling: tuple[float, float, float]
    for_a_point: tuple[float, float, float]
    helped: str
    helped_by: float
    band: np.ndarray


def measure(
    features: np.ndarray,
    labels: np.ndarray,
    folds: np.ndarray,
    groups: np.ndarray,
    settings: TrainClassifier,
    strength: float,
    repeats: int,
    seed: int,
    step: Callable[[], object],
) -> Curve:
    """Train on shares of each class's images in all folds but one, judge that one.

    Takes ``features (n, d) float32``, ``labels``, ``folds`` and ``groups`` ``(n,)``; ``step`` is
    called after each of ``steps(folds, repeats)`` trainings.
    """
    inputs = estimators.prepared(features, estimators.normalizes(settings))
    right = np.zeros((len(SHARES), len(labels)))
    used = np.zeros(len(SHARES))
    for number, share in enumerate(SHARES):
        turns = _turns(share, repeats)
        for fold in np.unique(folds):
            test = folds == fold
            for turn in range(turns):
                random = np.random.default_rng(seed_of(seed, number, int(fold), turn))
                some = _share_of(np.flatnonzero(~test), labels, share, random)
                estimator = estimators.untrained(settings, strength)
                estimator.fit(inputs[some], labels[some])
                best = estimators.scores(estimator, inputs[test]).argmax(axis=1)
                right[number, test] += (estimator.classes_[best] == labels[test]) / turns
                used[number] += len(some) / turns
                step()
    images = used / len(np.unique(folds)) / len(np.unique(labels))
    return Curve(images, right, labels, groups)


def steps(folds: np.ndarray, repeats: int) -> int:
    """How many trainings a curve takes."""
    return len(np.unique(folds)) * sum(_turns(share, repeats) for share in SHARES)


def outlook(curve: Curve, confidence: float, resamples: int, seed: int) -> Outlook:
    """What more images promise; intervals by a bootstrap over groups, class by class
    (percentiles)."""
    random = np.random.default_rng(seed)
    # within classes, so that each has a part in every draw
    of_class = [_groups_of(curve, name) for name in np.unique(curve.labels)]
    found, errors_of = [_promise(curve, None)], []
    for _ in range(resamples):
        drawn = [
            groups[number]
            for groups in of_class
            for number in random.integers(len(groups), size=len(groups))
        ]
        rows = np.concatenate(drawn)
        found.append(_promise(curve, rows))
        errors_of.append(curve.errors(rows).mean(axis=1))
    tail = 100 * (1 - confidence) / 2
    band = np.percentile(np.array(errors_of), [tail, 100 - tail], axis=0).T
    low, high = np.percentile(np.array(found[1:]), [tail, 100 - tail], axis=0, method="nearest")
    doubling, for_a_point = (
        (float(found[0][column]), float(low[column]), float(high[column])) for column in range(2)
    )
    falls = []
    for errors in curve.errors().T:
        law = fit(curve.images, errors)
        falls.append(law(curve.now) - law(2 * curve.now))
    most = int(np.argmax(falls))
    law = fit(curve.images, curve.errors().mean(axis=1))
    return Outlook(
        law, doubling, for_a_point, str(np.unique(curve.labels)[most]), float(falls[most]), band
    )


def fit(images: np.ndarray, errors: np.ndarray) -> PowerLaw:
    """The power law nearest to ``errors (s,)`` at ``images (s,)``, in least squares."""
    scale = images[0]

    def residuals(parameters: np.ndarray) -> np.ndarray:
        floor, height, slope = parameters
        away: np.ndarray = floor + height * (images / scale) ** -slope - errors
        return away

    start = [0.5 * errors.min(), max(float(errors[0]), 1e-3), 0.5]
    found = least_squares(residuals, start, bounds=([0, 0, 0.05], [1, 2, 2])).x
    return PowerLaw(float(found[0]), float(found[1] * scale ** found[2]), float(found[2]))


def _groups_of(curve: Curve, name: str) -> list[np.ndarray]:
    """The rows of each group's images of one class."""
    rows = np.flatnonzero(curve.labels == name)
    names, members = np.unique(curve.groups[rows], return_inverse=True)
    return [rows[members == number] for number in range(len(names))]


def _promise(curve: Curve, rows: np.ndarray | None) -> tuple[float, float]:
    law = fit(curve.images, curve.errors(rows).mean(axis=1))
    now = curve.now
    return law(now) - law(2 * now), law.images_for(law(now) - 0.01) - now


def _turns(share: float, repeats: int) -> int:
    return 1 if share == 1 else repeats  # all images are the same images every time


def _share_of(
    rows: np.ndarray, labels: np.ndarray, share: float, random: np.random.Generator
) -> np.ndarray:
    parts = []
    for name in np.unique(labels[rows]):
        own = rows[labels[rows] == name]
        count = min(len(own), max(_FEWEST, round(share * len(own))))
        parts.append(random.choice(own, count, replace=False))
    return np.concatenate(parts)
