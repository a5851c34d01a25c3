"""The last layer to begin with is the logistic regression that is best on the validation part."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from swatchbook.training import probing
from swatchbook.training.probing import Part


def part(count: int, classes: int, seed: int, noise: float = 1.0) -> Part:
    random = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    centres = np.random.default_rng(0).normal(size=(classes, 30))
    features = centres[labels] + noise * random.normal(size=(count, 30))
    return Part((7 * features).astype(np.float32), labels)


@pytest.mark.parametrize("classes", [2, 5])
def test_it_is_scikit_learns_with_its_probabilities(classes: int) -> None:
    training, other = part(200, classes, 1), part(50, classes, 2)
    probe = probing.fit_at(training, classes, True, 1.0)
    assert probe.weight.shape == (classes, 30)
    scale = np.linalg.norm(training.features, axis=1).mean()
    model = LogisticRegression(C=1.0, class_weight="balanced", max_iter=2000)
    model.fit(training.features / scale, training.labels)
    logits = other.features @ probe.weight.T + probe.bias
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    found = odds / odds.sum(axis=1, keepdims=True)
    assert np.allclose(found, model.predict_proba(other.features / scale), atol=1e-4)


def test_the_strength_is_chosen_on_the_validation_part() -> None:
    training, validation = part(60, 3, 1, noise=2.0), part(300, 3, 2, noise=2.0)
    chosen = probing.fit(training, 3, True, validation)

    def accuracy(probe: probing.Probe) -> float:
        logits = validation.features @ probe.weight.T + probe.bias
        return float((logits.argmax(axis=1) == validation.labels).mean())

    all_of_them = [probing.fit_at(training, 3, True, s) for s in (0.1, 1.0, 10.0, 100.0, 1000.0)]
    assert accuracy(chosen) == max(map(accuracy, all_of_them))


def test_rare_classes_count_alike_where_that_is_asked_for() -> None:
    random = np.random.default_rng(0)
    labels = np.array([0] * 190 + [1] * 10)
    features = (random.normal(size=(200, 4)) + 0.8 * labels[:, None]).astype(np.float32)
    rows = Part(features, labels)

    def found(balanced: bool) -> float:
        probe = probing.fit_at(rows, 2, balanced, 10.0)
        said = (features @ probe.weight.T + probe.bias).argmax(axis=1)
        return float((said[labels == 1] == 1).mean())

    assert found(True) > found(False) + 0.2
