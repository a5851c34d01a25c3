"""The exported classifier is the trained one."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax
from support.clusters import clusters, settings

from swatchbook.base.errors import NetworkError
from swatchbook.classifiers import classifier_export, estimators
from swatchbook.project import models


@pytest.mark.parametrize("kind", ["svm", "logistic", "random_forest"])
@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("l2_normalize", [True, False])
def test_onnx_gives_the_probabilities_of_scikit_learn(
    kind: str, classes: int, l2_normalize: bool
) -> None:
    features, labels, folds = clusters(classes=classes)
    chosen: Any = settings(kind=kind, l2_normalize=l2_normalize)
    trained = estimators.train(features, labels, folds, chosen)
    content = models.serialize(classifier_export.to_onnx(trained, 20, l2_normalize), {})
    classifier_export.check_parity(content, trained, features, l2_normalize)
    fresh = np.random.default_rng(9).normal(size=(1000, 20)).astype(np.float32)
    fresh[0] = 0
    inputs = estimators.prepared(fresh, l2_normalize)
    expected = softmax(estimators.scores(trained.estimator, inputs) / trained.temperature, axis=1)
    found = models.probabilities(content, fresh)
    assert np.abs(found - expected).max() <= 1e-4
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() >= 0.999


def test_thresholds_of_trees_are_never_rounded_across_a_value() -> None:
    values = np.random.default_rng(0).normal(size=100_000)
    rounded = classifier_export._not_above(values)
    assert rounded.dtype == np.float32
    assert (rounded.astype(float) <= values).all()
    above = np.nextafter(rounded, np.float32(np.inf)).astype(float)
    assert (above > values).all()


def test_a_model_that_disagrees_is_refused() -> None:  # E10
    features, labels, folds = clusters()
    trained = estimators.train(features, labels, folds, settings())
    model = classifier_export.to_onnx(replace(trained, temperature=9.0), 20, l2_normalize=True)
    with pytest.raises(NetworkError, match="differs from scikit-learn"):
        classifier_export.check_parity(models.serialize(model, {}), trained, features, True)


def test_the_same_classifier_is_the_same_bytes() -> None:
    features, labels, folds = clusters()
    contents = {
        models.serialize(
            classifier_export.to_onnx(
                estimators.train(features, labels, folds, settings(kind="random_forest")), 20, True
            ),
            {"b": "2", "a": "1"},
        )
        for _ in range(2)
    }
    assert len(contents) == 1
