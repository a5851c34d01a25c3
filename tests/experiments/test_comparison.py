"""Paired tests between runs, against independent references and by simulation."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap as scipy_bootstrap
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.multitest import multipletests
from support.full import FULL
from support.run_tables import CLASSES, run

from swatchbook.base.errors import DataError
from swatchbook.evaluation import measures
from swatchbook.evaluation.headlines import HEADLINES
from swatchbook.evaluation.measures import Predictions
from swatchbook.experiments import comparison


def drawn(random: np.random.Generator, count: int, both: float, fixed: float, broken: float):  # type: ignore[no-untyped-def]
    """Which images A and B get right, with these chances."""
    kind = random.choice(4, size=count, p=[both, fixed, broken, 1 - both - fixed - broken])
    return np.isin(kind, (0, 2)), np.isin(kind, (0, 1))


def test_figures_are_of_the_shared_test_images() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 200)
    right_a, right_b = drawn(random, 200, 0.6, 0.2, 0.05)
    (found,) = comparison.compare(run(right_a, truth), [run(right_b, truth)], resamples=200)
    accuracy = found.metrics["accuracy"]
    assert accuracy["a"]["value"] == pytest.approx(right_a.mean())
    assert accuracy["b"]["value"] == pytest.approx(right_b.mean())
    assert accuracy["difference"]["value"] == pytest.approx(right_b.mean() - right_a.mean())
    assert set(found.metrics) == set(HEADLINES)
    for values in found.metrics.values():
        for part in values.values():
            assert part["low"] <= part["value"] <= part["high"]
    assert found.fixed == (right_b & ~right_a).sum()
    assert found.broken == (right_a & ~right_b).sum()
    assert found.verdict == "better"
    flips = found.shared.flips
    assert (flips["kind"] == "fixed").sum() == found.fixed
    assert (flips["kind"] == "broken").sum() == found.broken
    assert set(flips.loc[flips["kind"] == "fixed", "sha256"]) == {
        f"{number:064x}" for number in np.flatnonzero(right_b & ~right_a)
    }


@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemar_is_that_of_statsmodels(fixed: int, broken: int) -> None:
    count = fixed + broken + 5
    right_a = np.arange(count) >= fixed
    right_b = (np.arange(count) < fixed) | (np.arange(count) >= fixed + broken)
    pair = comparison.share(run(right_a, np.zeros(count, int)), run(right_b, np.zeros(count, int)))
    table = [[5, broken], [fixed, 0]]
    expected = reference_mcnemar(table, exact=True).pvalue
    assert comparison.mcnemar(pair.a, pair.b).p == pytest.approx(min(1.0, expected))


def test_near_duplicates_are_one_observation() -> None:
    truth = np.zeros(60, int)
    groups = np.repeat(np.arange(6), 10)
    right_a, right_b = np.zeros(60, bool), np.ones(60, bool)
    alone = comparison.share(run(right_a, truth), run(right_b, truth))
    together = comparison.share(run(right_a, truth, groups), run(right_b, truth, groups))
    assert comparison.mcnemar(alone.a, alone.b).p == pytest.approx(2 * 0.5**60)
    assert comparison.mcnemar(together.a, together.b).p == pytest.approx(2 * 0.5**6)


def test_one_large_group_against_many_tells_nothing() -> None:
    truth = np.zeros(70, int)
    groups = np.array([0] * 50 + list(range(1, 21)))
    right_a = np.arange(70) >= 50  # B mends a group of 50, and breaks 20 single images
    found = comparison.compare(
        run(right_a, truth, groups), [run(~right_a, truth, groups)], resamples=100
    )[0]
    assert (found.fixed, found.broken) == (50, 20)
    assert (found.test.better, found.test.worse) == (1, 20)
    assert found.p_adjusted < 0.001
    assert found.verdict == ""


def test_what_either_run_held_together_is_held_together() -> None:
    truth, right = np.zeros(6, int), np.ones(6, bool)
    left = run(right, truth, np.array([0, 0, 1, 2, 3, 4]))
    other = run(right, truth, np.array([0, 1, 1, 2, 3, 3]))
    groups = comparison.share(left, other).a.groups
    assert groups[0] == groups[1] == groups[2]
    assert groups[4] == groups[5]
    assert len(set(groups)) == 3


# statsmodels collects garbage at each call
@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_that_of_statsmodels(values: list[float]) -> None:
    expected = multipletests(values, method="holm")[1]
    np.testing.assert_allclose(comparison.holm(values), expected, atol=1e-12)


def test_the_bootstrap_of_a_difference_is_that_of_scipy() -> None:
    random = np.random.default_rng(3)
    right_a, right_b = drawn(random, 400, 0.6, 0.15, 0.1)
    truth = random.integers(0, 2, 400)
    pair = comparison.share(run(right_a, truth), run(right_b, truth))
    deltas = [measures.bootstrap(one, 4000, 0)["accuracy"] for one in (pair.a, pair.b)]
    low, high = np.quantile(deltas[1] - deltas[0], [0.025, 0.975])
    expected = scipy_bootstrap(
        (right_b.astype(float) - right_a,), np.mean, n_resamples=4000, method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    assert low == pytest.approx(expected.low, abs=0.004)
    assert high == pytest.approx(expected.high, abs=0.004)


def interval_of(right_a: np.ndarray, right_b: np.ndarray, groups: np.ndarray, seed: int):  # type: ignore[no-untyped-def]
    """The interval of the difference in accuracy, as ``compare`` makes it."""
    truth = np.zeros(len(right_a), int)
    runs = [
        Predictions(truth, np.eye(2)[np.where(right, 0, 1)], groups, CLASSES)
        for right in (right_a, right_b)
    ]
    weights = measures.resampled(groups, 500, np.random.default_rng(seed))
    total = weights.sum(axis=1)
    rates = [weights @ right / total for right in (right_a, right_b)]
    values = float(right_a.mean()), float(right_b.mean())
    return comparison.difference("accuracy", (rates[0], rates[1]), values, (runs[0], runs[1]), 0.95)


SIMULATIONS, ROOM = (1000, 0.02) if FULL else (120, 0.05)


@pytest.mark.parametrize(
    ("count", "fixed", "broken", "size"),
    [(150, 0.10, 0.05, 1), (300, 0.05, 0.03, 1), (500, 0.02, 0.02, 1), (300, 0.15, 0.15, 3)],
)
def test_intervals_cover_what_they_promise(
    count: int, fixed: float, broken: float, size: int
) -> None:
    """``size``: images of a group, which flip together."""
    random = np.random.default_rng(7)
    groups = np.repeat(np.arange(count // size), size)
    covered = 0
    for number in range(SIMULATIONS):
        right_a, right_b = (
            np.repeat(part, size) for part in drawn(random, count // size, 0.7, fixed, broken)
        )
        found = interval_of(right_a, right_b, groups, number)
        covered += found["low"] - 1e-9 <= fixed - broken <= found["high"] + 1e-9
    # what chance leaves of 95 % in so many simulations
    assert 0.95 - ROOM <= covered / SIMULATIONS <= 0.95 + ROOM


@pytest.mark.parametrize(("runs", "size"), [(1, 1), (4, 1), (1, 4)])
def test_false_alarms_are_rare_where_nothing_differs(runs: int, size: int) -> None:
    """At most 6 % of comparisons of equally good runs tell any of them apart."""
    random = np.random.default_rng(11)
    count, alarms, trials = 240, 0, 400 if FULL else 100
    groups = np.repeat(np.arange(count // size), size)
    truth = np.zeros(count, int)
    for _ in range(trials):
        one, *others = (
            np.repeat(random.random(count // size) < 0.8, size) for _ in range(runs + 1)
        )
        pairs = [
            comparison.share(run(one, truth, groups), run(other, truth, groups)) for other in others
        ]
        values = comparison.holm([comparison.mcnemar(pair.a, pair.b).p for pair in pairs])
        alarms += min(values) < 0.05
    assert alarms / trials <= 0.06


def test_other_test_parts_are_left_out_and_counted() -> None:
    truth = np.arange(20) % 2
    right = np.ones(20, bool)
    a, b = run(right, truth), run(right, truth)
    a["subset"] = ["test"] * 12 + ["train"] * 8
    b["subset"] = ["train"] * 4 + ["test"] * 16
    b = b.iloc[:-2]
    shared = comparison.share(a, b)
    assert list(shared.rows["sha256"]) == [f"{number:064x}" for number in range(4, 12)]
    assert (shared.tested_in_a, shared.tested_in_b) == (12, 14)
    assert (shared.trained_in_b, shared.trained_in_a) == (4, 6)


def test_a_corrected_label_counts_for_both() -> None:
    truth = np.arange(20) % 2
    a = run(np.ones(20, bool), truth)
    b = a.copy()
    b.loc[0, "label"] = "dog"  # it was a cat, and both say so
    shared = comparison.share(a, b)
    assert shared.relabelled == 1
    assert (shared.a.predicted != shared.a.truth).sum() == 1
    assert (shared.b.predicted != shared.b.truth).sum() == 1


def test_what_can_not_be_compared_is_refused() -> None:
    a = run(np.ones(4, bool), np.arange(4) % 2)
    with pytest.raises(DataError, match=r"other classes \(bird"):
        comparison.share(a, a.assign(p_bird=0.0))
    with pytest.raises(DataError, match="no test image in common"):
        comparison.share(a, a.assign(subset="train"))


def test_classes_without_shared_test_images_have_no_row() -> None:
    a = run(np.ones(6, bool), np.zeros(6, int))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (found,) = comparison.compare(a, [a.copy()], resamples=100)
    assert list(found.per_class["class"]) == ["cat"]
    assert "roc_auc_macro" not in found.metrics
    assert found.metrics["accuracy"]["difference"]["value"] == 0


def test_every_class_is_tested_and_all_are_corrected_together() -> None:
    random = np.random.default_rng(1)
    truth = random.integers(0, 2, 400)
    right_a = np.where(truth == 0, random.random(400) < 0.5, random.random(400) < 0.8)
    right_b = np.where(truth == 0, True, right_a)
    (found,) = comparison.compare(run(right_a, truth), [run(right_b, truth)], resamples=100)
    table = found.per_class.set_index("class")
    assert table.loc["cat", "p_adjusted"] < 0.001
    assert table.loc["dog", ["fixed", "broken", "p", "p_adjusted"]].tolist() == [0, 0, 1, 1]
    assert table.loc["cat", "recall_b"] == 1
    assert list(table["verdict"]) == ["better", ""]
    assert list(table["images"]) == [(truth == 0).sum(), (truth == 1).sum()]
