"""The new last layer, begun as the linear classifier of the network's features.

Linear probing, then fine-tuning: Kumar et al., "Fine-Tuning can Distort Pretrained Features and
Underperform Out-of-Distribution", ICLR 2022. A random last layer sends large gradients into a
network that is right already; this one begins where a fixed network ends.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, log_loss

from swatchbook.base import machine
from swatchbook.base.errors import OutOfMemory, TrainingError
from swatchbook.training.batches.minibatches import TrainingData
from swatchbook.training.checkpoints import Checkpoints
from swatchbook.training.job import Job
from swatchbook.training.pytorch.torch_learner import TorchLearner

# inverse strengths of regularisation to choose from, of features of length 1 on average
_STRENGTHS = (0.1, 1.0, 10.0, 100.0, 1000.0)
_MOST_STEPS = 2000
# images of which outputs are computed at once
AT_ONCE = 32


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


def beginning(job: Job, learner: TorchLearner, data: TrainingData) -> Probe:
    """The last layer that a run of ``job`` begins with, where that is a probe.

    Raises:
        TrainingError: where the network's features are no numbers.
    """
    torch.set_num_threads(machine.workers())
    balanced = job.settings.balance != "none"
    count = len(job.classes)

    def part(validation: bool) -> Part:
        batches = data.as_they_are(AT_ONCE, validation)
        found = parts_of((outputs(learner, pixels)[0], labels) for _, pixels, labels in batches)
        if not np.isfinite(found.features).all():
            raise TrainingError(
                "refine_dnn: the network's features are no numbers before any training; try "
                "precision: float32, or another file of weights"
            )
        return found

    if job.again:
        return fit_at(part(False), count, balanced, job.again.strength)
    return fit(part(False), count, balanced, part(True))


def lay_down(job: Job, learner: TorchLearner, data: TrainingData) -> None:
    """Lay down the last layer to begin with, where the job begins with a probe."""
    own = Checkpoints(job.folder)
    if job.settings.head != "probe" or laid_down(own, data) is not None:
        return
    probe = beginning(job, learner, data)
    own.save_begin(
        {
            "weight": torch.from_numpy(probe.weight), "bias": torch.from_numpy(probe.bias),
            "strength": probe.strength, "images": data.digest,
        }
    )  # fmt: skip


def laid_down(own: Checkpoints, data: TrainingData) -> tuple[np.ndarray, np.ndarray] | None:
    """The last layer that was laid down for these very images."""
    state = own.load_begin()
    if state is None or state["images"] != data.digest:
        return None
    return state["weight"].numpy(), state["bias"].numpy()


def outputs(learner: TorchLearner, pixels: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Features and logits, in halves where memory is short."""
    try:
        return learner.outputs(pixels)
    except OutOfMemory:
        half = len(pixels) // 2
        if not half:
            raise
        parts = outputs(learner, pixels[:half]), outputs(learner, pixels[half:])
        features, logits = (np.concatenate(both) for both in zip(*parts, strict=True))
        return features, logits
