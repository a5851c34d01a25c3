"""Classifiers choose and calibrate without the test part."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import log_loss
from support.clusters import clusters, settings

from swatchbook.classifiers import estimators
from swatchbook.classifiers.parameters import TrainClassifier


@pytest.mark.parametrize("kind", ["svm", "logistic", "random_forest"])
@pytest.mark.parametrize("classes", [2, 3, 5])
def test_each_kind_learns_and_its_probabilities_follow_its_scores(kind: str, classes: int) -> None:
    features, labels, folds = clusters(classes=classes)
    trained = estimators.train(features, labels, folds, settings(kind=kind))
    assert trained.classes == [f"class {n}" for n in range(classes)]
    assert trained.out_of_fold.shape == (240, classes)
    assert np.allclose(trained.out_of_fold.sum(axis=1), 1)
    found = np.array(trained.classes, dtype=object)[trained.out_of_fold.argmax(axis=1)]
    assert (found == labels).mean() > 0.8
    inputs = estimators.prepared(features, True)
    scores = estimators.scores(trained.estimator, inputs)
    if kind != "random_forest":
        predicted = trained.estimator.predict(inputs)  # type: ignore[attr-defined]
        assert (np.array(trained.classes, dtype=object)[scores.argmax(axis=1)] == predicted).all()


def test_out_of_fold_predictions_know_nothing_of_their_fold() -> None:
    """With labels that are pure chance, honest cross-validation can't beat guessing."""
    random = np.random.default_rng(1)
    features = random.normal(size=(200, 400)).astype(np.float32)
    labels = np.array(["a", "b"], dtype=object)[random.integers(0, 2, 200)]
    trained = estimators.train(features, labels, np.arange(200) % 4, settings())
    assert max(trial.accuracy for trial in trained.trials) < 0.62


def test_the_smallest_of_the_best_strengths_is_chosen() -> None:
    features, labels, folds = clusters(noise=0.01)
    trained = estimators.train(features, labels, folds, TrainClassifier(C=[10.0, 1.0, 100.0]))
    assert [trial.C for trial in trained.trials] == [1.0, 10.0, 100.0]
    assert trained.C == 1.0


def test_calibration_lowers_the_log_loss_and_keeps_the_decision() -> None:
    random = np.random.default_rng(2)
    truth = random.integers(0, 3, 500)
    scores = 5 * (np.eye(3)[truth] + random.normal(size=(500, 3)))
    temperature = estimators.fit_temperature(scores, truth)
    assert temperature > 1
    plain, cooled = softmax(scores, axis=1), softmax(scores / temperature, axis=1)
    assert log_loss(truth, cooled) < log_loss(truth, plain)
    for near in (0.9, 1.1):
        assert log_loss(truth, cooled) <= log_loss(
            truth, softmax(scores / temperature / near, axis=1)
        )
    assert (plain.argmax(axis=1) == cooled.argmax(axis=1)).all()


def test_a_perfect_score_on_few_images_is_no_certainty() -> None:
    truth = np.arange(30) % 3
    scores = 2 * np.eye(3)[truth] - 1
    probabilities = softmax(scores / estimators.fit_temperature(scores, truth), axis=1)
    assert probabilities.max() == pytest.approx(1 - 1 / 32, abs=1e-3)


def test_features_of_length_zero_and_without_variance_are_fine() -> None:  # E01
    features, labels, folds = clusters()
    features[:, 3] = 7
    features[0] = 0
    assert np.isfinite(estimators.prepared(features, True)).all()
    trained = estimators.train(features, labels, folds, settings())
    assert np.isfinite(trained.out_of_fold).all()


def test_balancing_helps_the_small_class() -> None:
    features, labels, folds = clusters(count=600, classes=2, noise=2.5)
    small = labels == "class 1"
    keep = ~small | (np.cumsum(small) <= 25)
    recall = {}
    for weight in ("balanced", "none"):
        chosen = settings(class_weight=weight, l2_normalize=False)
        trained = estimators.train(features[keep], labels[keep], folds[keep], chosen)
        found = trained.out_of_fold.argmax(axis=1)
        recall[weight] = (found[labels[keep] == "class 1"] == 1).mean()
    assert recall["balanced"] > recall["none"]


def test_the_same_seed_gives_the_same_classifier() -> None:
    features, labels, folds = clusters()
    for kind in ("svm", "logistic", "random_forest"):
        one, other = (
            estimators.train(features, labels, folds, settings(kind=kind)) for _ in range(2)
        )
        assert (one.out_of_fold == other.out_of_fold).all()
        assert one.temperature == other.temperature


def test_fits_that_do_not_converge_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.svm import LinearSVC

    monkeypatch.setattr(
        estimators, "LinearSVC", lambda **options: LinearSVC(**{**options, "max_iter": 1})
    )
    features, labels, folds = clusters()
    assert estimators.train(features, labels, folds, settings()).unfinished > 0


def test_a_refined_network_is_judged_on_the_fold_that_it_has_not_seen() -> None:
    """Features of the other folds know their labels: they would choose any C and be sure of it."""
    random = np.random.default_rng(0)
    labels = np.array(["a", "b"], dtype=object)[random.integers(0, 2, 400)]
    folds = np.arange(400) % 4
    features = random.normal(size=(400, 20)).astype(np.float32)
    features[folds != 2, 0] = 5.0 * (labels[folds != 2] == "a")  # learnt by heart
    naive = estimators.train(features, labels, folds, settings())
    honest = estimators.train(features, labels, folds, settings(), unseen=2)
    assert max(trial.accuracy for trial in naive.trials) > 0.8
    assert max(trial.accuracy for trial in honest.trials) < 0.65
    assert honest.judged.sum() == len(honest.out_of_fold) == 100
    assert (folds[honest.judged] == 2).all()
    assert honest.temperature > naive.temperature


def test_a_network_that_has_seen_all_folds_is_judged_by_the_one_that_had_not() -> None:
    features, labels, folds = clusters()
    random = np.random.default_rng(4)
    # of the network before: as it should be; of the one that has seen all: learnt by heart
    known = np.eye(3, 20, dtype=np.float32)[np.searchsorted(sorted(set(labels)), labels)] * 9
    logits = random.normal(size=(len(labels), 3)).astype(np.float32)
    before = features, logits
    expected = estimators.train(features, labels, folds, settings(), unseen=1)
    found = estimators.train(known, labels, folds, settings(), unseen=1, before=before)
    assert found.trials == expected.trials
    assert found.temperature == expected.temperature
    assert np.array_equal(found.out_of_fold, expected.out_of_fold)
    assert (found.estimator.predict(known) == labels).all()  # type: ignore[attr-defined]
    head = estimators.Head(
        np.array(sorted(set(labels))), np.ones((3, 20), np.float32), np.ones(3, np.float32)
    )
    found = estimators.train(
        known, labels, folds, settings(kind="dnn"), unseen=1, head=head, before=before
    )
    wanted = softmax(logits[folds == 1] / found.temperature, axis=1)
    assert np.allclose(found.out_of_fold, wanted, atol=1e-6)


def test_the_head_of_a_network_is_calibrated_and_not_trained() -> None:
    features, labels, folds = clusters()
    chosen = settings(kind="dnn")
    random = np.random.default_rng(3)
    weights = random.normal(size=(3, 20)).astype(np.float32)
    head = estimators.Head(np.array(sorted(set(labels))), 30 * weights, np.ones(3, np.float32))
    trained = estimators.train(features, labels, folds, chosen, unseen=0, head=head)
    assert trained.estimator is head
    assert not estimators.normalizes(chosen)
    logits = features @ (30 * weights).T + 1
    expected = softmax(logits[folds == 0] / trained.temperature, axis=1)
    assert np.allclose(trained.out_of_fold, expected, atol=1e-6)
    assert trained.temperature > 10  # it was far too sure of itself
    assert [trial.C for trial in trained.trials] == [0.0]
