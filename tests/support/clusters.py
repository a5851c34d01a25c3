"""Features in clusters, one a class, and parameters of a classifier."""

from typing import Any

import numpy as np

from swatchbook.classifiers.parameters import TrainClassifier


def clusters(
    count: int = 240, classes: int = 3, noise: float = 1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    number = random.integers(0, classes, count)
    centres = random.normal(size=(classes, 20))
    features = (centres[number] + noise * random.normal(size=(count, 20))).astype(np.float32)
    labels = np.array([f"class {n}" for n in range(classes)], dtype=object)[number]
    return features, labels, np.arange(count) % 4


def settings(**changes: Any) -> TrainClassifier:
    return TrainClassifier(C=[0.01, 1.0], **changes)
