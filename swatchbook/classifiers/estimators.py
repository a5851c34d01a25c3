"""Classifiers on features: trained, chosen and calibrated inside the training part alone.

Every kind gives scores ``(n, k)``; probabilities are their softmax at one temperature, so the
most probable class is always the one with the highest score.
"""

import warnings
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.svm import LinearSVC

from swatchbook.classifiers.parameters import TrainClassifier

# a forest may give a class no vote: its logarithm must stay finite
SMALLEST_VOTE = 1e-6


class Estimator(Protocol):
    """The part of a scikit-learn classifier that is used here."""

    classes_: np.ndarray

    def fit(self, features: np.ndarray, labels: np.ndarray) -> Any: ...


@dataclass(frozen=True)
class Trial:
    """One regularisation strength: its accuracies in cross-validation, pooled over the folds."""

    C: float
    accuracy: float
    class_average_accuracy: float


@dataclass(frozen=True)
class Trained:
    """A classifier fitted to the whole training part.

    ``out_of_fold`` (m, k) are calibrated probabilities of the images that ``judged (n,) bool``
    marks, by classifiers that have not seen their fold; ``trials`` is the search for C (one row
    where there is none); ``unfinished`` counts the fits that stopped before convergence.
    """

    estimator: Estimator
    classes: list[str]
    C: float
    temperature: float
    trials: list[Trial]
    judged: np.ndarray
    out_of_fold: np.ndarray
    unfinished: int


@dataclass
class Head:
    """The last layer of a refined network as an estimator: its logits are its scores.

    ``coef_ (k, d)`` and ``intercept_ (k,)``, float32, as scikit-learn calls them.
    """

    classes_: np.ndarray
    coef_: np.ndarray
    intercept_: np.ndarray

    def fit(self, features: np.ndarray, labels: np.ndarray) -> "Head":
        """Nothing: it was trained with its network."""
        return self

    def decision_function(self, features: np.ndarray) -> np.ndarray:
        """Logits ``(n, k)``."""
        logits: np.ndarray = features @ self.coef_.T + self.intercept_
        return logits


def prepared(features: np.ndarray, l2_normalize: bool) -> np.ndarray:
    """Features ``(n, d) float32``, each scaled to length 1 if asked (a zero vector stays)."""
    if not l2_normalize:
        return features
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    scaled: np.ndarray = features / np.maximum(lengths, np.float32(1e-12))
    return scaled


def normalizes(settings: TrainClassifier) -> bool:
    """Whether features are scaled to length 1; the head of a network takes them as they are."""
    return settings.l2_normalize and settings.kind != "dnn"


def train(
    features: np.ndarray,
    labels: np.ndarray,
    folds: np.ndarray,
    settings: TrainClassifier,
    unseen: int | None = None,
    head: Head | None = None,
    before: tuple[np.ndarray, np.ndarray] | None = None,
) -> Trained:
    """Choose C by cross-validation over ``folds``, calibrate out of fold, fit on all.

    Takes ``features (n, d) float32``, ``labels (n,) str`` and ``folds (n,) int``; folds hold
    whole groups, so no near-duplicate helps. C is the smallest of those with the best
    class-average accuracy. The temperature minimises the log loss of the out-of-fold scores
    (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017).

    A refined network has seen the labels of all folds but ``unseen``: only there do its features
    say how good a classifier is, so only there is it judged. ``head`` is for kind ``dnn``: it is
    calibrated, not trained.

    A network that was trained again on all folds has seen them all: then ``before`` has features
    ``(n, d)`` and logits ``(n, k)`` of the one that had not seen ``unseen``, and by these is chosen
    and calibrated.
    """
    inputs = prepared(features, normalizes(settings))
    judging = inputs if before is None else prepared(before[0], normalizes(settings))
    classes = sorted(set(labels))
    judged = np.ones(len(labels), bool) if unseen is None else folds == unseen
    truth = np.searchsorted(classes, labels[judged])
    has_strength = settings.kind in ("svm", "logistic")
    grid = sorted(set(settings.C)) if has_strength else [0.0]
    trials: list[Trial] = []
    best: tuple[float, float, np.ndarray] | None = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        for strength in grid:
            held_out = np.zeros((len(labels), len(classes)))
            for fold in np.unique(folds[judged]):
                test = folds == fold
                if head and before:
                    held_out[test] = before[1][test]
                    continue
                estimator = head or untrained(settings, strength).fit(judging[~test], labels[~test])
                held_out[test] = scores(estimator, judging[test])
            held_out = held_out[judged]
            predicted = held_out.argmax(axis=1)
            average = float(balanced_accuracy_score(truth, predicted))
            trials.append(Trial(strength, float(accuracy_score(truth, predicted)), average))
            if best is None or average > best[1]:
                best = strength, average, held_out
        assert best is not None
        estimator = head or untrained(settings, best[0]).fit(inputs, labels)
    temperature = fit_temperature(best[2], truth)
    return Trained(
        estimator,
        classes,
        best[0],
        temperature,
        trials,
        judged,
        softmax(best[2] / temperature, axis=1),
        sum(issubclass(warning.category, ConvergenceWarning) for warning in caught),
    )


def scores(estimator: Estimator, inputs: np.ndarray) -> np.ndarray:
    """Scores ``(n, k)`` in the order of ``estimator.classes_``: margins, logits or log votes."""
    if isinstance(estimator, RandomForestClassifier):
        votes: np.ndarray = np.maximum(estimator.predict_proba(inputs), SMALLEST_VOTE)
        logarithms: np.ndarray = np.log(votes)
        return logarithms
    margins: np.ndarray = estimator.decision_function(inputs)  # type: ignore[attr-defined]
    # two classes have one margin: the other class scores its negative
    return np.stack([-margins, margins], axis=1) if margins.ndim == 1 else margins


def fit_temperature(held_out: np.ndarray, truth: np.ndarray) -> float:
    """The temperature at which the softmax of scores ``(n, k)`` has the least log loss.

    The right class counts 1 − 1/(n+2), not 1, as in Platt scaling ("Probabilistic Outputs for
    Support Vector Machines", 1999): n right answers are no proof that the next one is right, and
    on separable data the loss would have no minimum.
    """
    count, classes = held_out.shape
    doubt = 1 / (count + 2)
    targets = np.full((count, classes), doubt / (classes - 1))
    targets[np.arange(count), truth] = 1 - doubt

    def loss(log_temperature: float) -> float:
        logarithms = log_softmax(held_out / np.exp(log_temperature), axis=1)
        return float(-(targets * logarithms).sum(axis=1).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-10, 10), method="bounded").x))


def untrained(settings: TrainClassifier, strength: float) -> Any:
    """A new estimator of the kind that ``settings`` name, regularised by C = ``strength``."""
    weight = None if settings.class_weight == "none" else settings.class_weight
    match settings.kind:
        case "svm":
            # the primal problem: at C = 100 the dual one takes 20 times as long on 1,500 images of
            # 1,280 features, and stops before it converges
            return LinearSVC(C=strength, class_weight=weight, dual=False, max_iter=1000)
        case "logistic":
            return LogisticRegression(C=strength, class_weight=weight, max_iter=2000)
        case "random_forest":
            return RandomForestClassifier(
                settings.trees, max_depth=settings.depth, class_weight=weight,
                random_state=settings.seed,
            )  # fmt: skip
