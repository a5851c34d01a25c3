"""Predictions of three classes, made up."""

import numpy as np

from swatchbook.evaluation.measures import Predictions

CLASSES = ["a", "b", "c"]


def predictions(count: int = 200, seed: int = 0, skill: float = 1.0) -> Predictions:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 3, count)
    scores = np.exp(skill * np.eye(3)[truth] + random.normal(size=(count, 3)))
    groups = np.array([f"g{n // 2}" for n in range(count)])
    return Predictions(truth, scores / scores.sum(axis=1, keepdims=True), groups, CLASSES)
