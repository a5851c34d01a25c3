"""The new last layer, begun as the linear classifier of the network's features.

Linear probing, then fine-tuning: Kumar et al., "Fine-Tuning can Distort Pretrained Features and
Underperform Out-of-Distribution", ICLR 2022. A random last layer sends large gradients into a
network that is right already; this one begins where a fixed network ends.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, log_loss

# inverse strengths of regularisation to choose from, of features of length 1 on average
_STRENGTHS = (0.1, 1.0, 10.0, 100.0, 1000.0)
_MOST_STEPS = 2000


@dataclass(frozen=True)
class Probe:
    """A last layer: ``weight (k, d)`` and ``bias (k,)`` float32, and the strength it was fit at."""

    weight: np.ndarray
    bias: np.ndarray
    strength: float


@dataclass(frozen=True)
class Part:
    """Features ``(n, d) float32`` of images and their classes ``(n,) int``."""

    features: np.ndarray
    labels: np.ndarray


def fit(training: Part, classes: int, balanced: bool, validation: Part) -> Probe:
    """The logistic regression of ``training`` that is best on ``validation``.

    Best by the accuracy that training is judged by (the class average where ``balanced``), then
    by log loss.
    """
    found = [fit_at(training, classes, balanced, strength) for strength in _STRENGTHS]
    return min(found, key=lambda probe: _rank(probe, validation, balanced))


def fit_at(training: Part, classes: int, balanced: bool, strength: float) -> Probe:
    """The logistic regression of ``training`` at one strength."""
    scale = max(float(np.linalg.norm(training.features, axis=1).mean()), 1e-12)
    weight = "balanced" if balanced else None
    model = LogisticRegression(C=strength, class_weight=weight, max_iter=_MOST_STEPS)
    model.fit(training.features / scale, training.labels)
    coefficients, bias = model.coef_, model.intercept_
    if classes == 2:  # one row for two classes: half of it each way
        coefficients = np.vstack([-coefficients, coefficients]) / 2
        bias = np.concatenate([-bias, bias]) / 2
    return Probe((coefficients / scale).astype(np.float32), bias.astype(np.float32), strength)


def parts_of(
    minibatches: Iterable[tuple[np.ndarray, np.ndarray]],
) -> Part:
    """Features and labels of all ``minibatches`` together."""
    features, labels = zip(*minibatches, strict=True)
    return Part(np.concatenate(features), np.concatenate(labels))


def _rank(probe: Probe, validation: Part, balanced: bool) -> tuple[float, float]:
    logits = (validation.features @ probe.weight.T + probe.bias).astype(np.float64)
    right = logits.argmax(axis=1) == validation.labels
    accuracy = (
        balanced_accuracy_score(validation.labels, logits.argmax(axis=1))
        if balanced else right.mean()
    )  # fmt: skip
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = shifted / shifted.sum(axis=1, keepdims=True)
    loss = log_loss(validation.labels, probabilities, labels=np.arange(probabilities.shape[1]))
    return -float(accuracy), float(loss)
