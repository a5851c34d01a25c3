"""Metrics against scikit-learn, intervals against simulation."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn import metrics as reference
from support.predictions import CLASSES, predictions

from swatchbook.base.errors import DataError
from swatchbook.evaluation import measures
from swatchbook.evaluation.measures import Predictions


def test_metrics_are_those_of_scikit_learn() -> None:
    p = predictions()
    found = measures.measure(p, 0.95, 100, 0)
    one_hot = np.eye(3)[p.truth]
    expected = {
        "accuracy": reference.accuracy_score(p.truth, p.predicted),
        "class_average_accuracy": reference.balanced_accuracy_score(p.truth, p.predicted),
        "roc_auc_macro": reference.roc_auc_score(one_hot, p.probabilities, average="macro"),
        "roc_auc_micro": reference.roc_auc_score(one_hot, p.probabilities, average="micro"),
        "average_precision_macro": reference.average_precision_score(one_hot, p.probabilities),
        "average_precision_micro": reference.average_precision_score(
            one_hot, p.probabilities, average="micro"
        ),
        "log_loss": reference.log_loss(p.truth, p.probabilities),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-12), name
    per_class = reference.classification_report(
        p.truth, p.predicted, target_names=CLASSES, output_dict=True
    )
    for name in CLASSES:
        row = found["per_class"][name]
        assert row["recall"] == pytest.approx(per_class[name]["recall"])
        assert row["precision"] == pytest.approx(per_class[name]["precision"])
        assert row["f1"] == pytest.approx(per_class[name]["f1-score"])
        assert row["support"] == per_class[name]["support"]


@given(
    scores=st.lists(st.integers(0, 6), min_size=4, max_size=40),
    seed=st.integers(0, 1000),
)
def test_weighted_areas_are_those_of_scikit_learn_also_with_ties(
    scores: list[int], seed: int
) -> None:
    random = np.random.default_rng(seed)
    values = np.array(scores, float)
    positive = random.random(len(values)) < 0.5
    positive[:2] = [True, False]
    weights = random.integers(0, 4, (3, len(values))).astype(float)
    weights[:, :2] += 1
    areas = measures.roc_auc(values, positive, weights)
    precisions = measures.average_precision(values, positive, weights)
    for row, area, precision in zip(weights, areas, precisions, strict=True):
        assert area == pytest.approx(reference.roc_auc_score(positive, values, sample_weight=row))
        assert precision == pytest.approx(
            reference.average_precision_score(positive, values, sample_weight=row)
        )


def test_calibration_error_by_hand() -> None:
    confidence = np.array([0.95, 0.95, 0.55, 0.55])
    right = np.array([1.0, 0.0, 1.0, 1.0])
    error = measures.calibration_error(confidence, right, np.ones((1, 4)))
    assert error[0] == pytest.approx((abs(1 - 1.9) + abs(2 - 1.1)) / 4)


def test_whole_groups_are_drawn() -> None:
    groups = np.array(["x", "x", "y", "z", "z", "z"])
    weights = measures.resampled(groups, 500, np.random.default_rng(0))
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 3] == weights[:, 5]).all()
    assert (weights[:, [0, 2, 3]].sum(axis=1) == 3).all()


def test_95_percent_intervals_cover_about_95_percent() -> None:
    """400 simulated test sets, each image twice: intervals that ignored groups would cover 83 %."""
    true_accuracy, covered = 0.7, 0
    for seed in range(400):
        random = np.random.default_rng(seed)
        right = np.repeat(random.random(150) < true_accuracy, 2)
        probabilities = np.where(right[:, None], [0.8, 0.2], [0.3, 0.7])
        groups = np.repeat([f"g{n}" for n in range(150)], 2)
        p = Predictions(np.zeros(300, int), probabilities, groups, ["a", "b"])
        found = measures.headline(p, measures.resampled(groups, 300, random))["accuracy"]
        low, high = np.quantile(found, [0.025, 0.975])
        covered += low <= true_accuracy <= high
    assert 0.92 <= covered / 400 <= 0.975


def test_intervals_enclose_the_value_and_narrow_with_more_images() -> None:
    widths = []
    for count in (100, 1600):
        found = measures.measure(predictions(count), 0.95, 300, 0)
        for name in ("accuracy", "class_average_accuracy", "roc_auc_macro", "log_loss"):
            interval = found["interval"][name]
            assert interval["low"] <= found[name] <= interval["high"], name
        widths.append(found["interval"]["accuracy"]["high"] - found["interval"]["accuracy"]["low"])
    assert widths[1] < widths[0] / 2.5


def interval(right: np.ndarray) -> dict[str, dict[str, float]]:
    truth = np.arange(len(right)) % 3
    probabilities = np.where(right[:, None], np.eye(3)[truth], np.roll(np.eye(3)[truth], 1, axis=1))
    groups = np.array([f"g{n}" for n in range(len(right))])
    p = Predictions(truth, probabilities, groups, CLASSES)
    return measures.measure(p, 0.95, 100, 0)["interval"]


def test_all_right_on_few_images_is_no_certainty_and_one_mistake_less_so() -> None:
    right = np.ones(99, bool)
    perfect = interval(right)
    reference_low = binomtest(99, 99).proportion_ci(method="wilson").low
    assert perfect["accuracy"] == {"low": pytest.approx(reference_low, abs=1e-6), "high": 1.0}
    right[5] = False
    spoilt = interval(right)
    for name in ("accuracy", "class_average_accuracy"):
        assert 0.9 < spoilt[name]["low"] < perfect[name]["low"] < 1


def test_the_calibration_error_lies_in_its_interval() -> None:
    for seed in range(20):
        random = np.random.default_rng(seed)
        probabilities = random.dirichlet([1, 1, 1], 400)
        truth = np.array([random.choice(3, p=row) for row in probabilities])  # calibrated
        p = Predictions(truth, probabilities, np.arange(400), CLASSES)
        found = measures.measure(p, 0.95, 200, seed)
        error, bounds = found["expected_calibration_error"], found["interval"]
        assert bounds["expected_calibration_error"]["low"] <= error
        assert error <= bounds["expected_calibration_error"]["high"]


def test_a_test_part_of_one_class_is_an_error() -> None:
    p = Predictions(np.zeros(9, int), np.eye(3)[np.zeros(9, int)], np.arange(9), CLASSES)
    with pytest.raises(DataError, match="fewer than two classes"):
        measures.measure(p, 0.95, 100, 0)


@pytest.mark.parametrize("case", ["one predicted class", "a class without images", "all right"])
def test_no_metric_is_ever_nan(case: str) -> None:  # E09, B18
    p = predictions(60)
    if case == "one predicted class":
        p = Predictions(p.truth, np.tile([0.2, 0.5, 0.3], (60, 1)), p.groups, CLASSES)
    elif case == "a class without images":
        p = Predictions(np.minimum(p.truth, 1), p.probabilities, p.groups, CLASSES)
    else:
        p = Predictions(p.truth, np.eye(3)[p.truth], p.groups, CLASSES)
    found = measures.measure(p, 0.95, 100, 0)
    json.dumps(found, allow_nan=False)


def test_memory_stays_bounded_for_many_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = measures.measure(predictions(), 0.9, 250, 3)
    sizes = []
    real = measures.headline
    monkeypatch.setattr(measures, "_AT_ONCE", 200 * 20)
    monkeypatch.setattr(
        measures, "headline", lambda p, weights: sizes.append(len(weights)) or real(p, weights)
    )
    assert measures.measure(predictions(), 0.9, 250, 3) == whole
    assert max(sizes) == 20
