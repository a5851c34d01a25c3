"""Thresholds keep what they promise, on images they were not learnt from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swatchbook.bundle import abstention


def drawn(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Confidences, and answers that are right as often as these say."""
    random = np.random.default_rng(seed)
    confidence = random.uniform(0.4, 1.0, count)
    return confidence, random.random(count) < confidence


def test_the_promise_holds_on_other_images() -> None:
    kept = 0
    for seed in range(200):
        confidence, right = drawn(2000, seed)
        rule = abstention.least(abstention.rules(confidence, right, np.arange(2000)), 0.1)
        assert rule is not None
        others, answers = drawn(20_000, seed + 10_000)
        kept += (~answers[others >= rule.threshold]).mean() <= 0.1
    # each bound by itself holds 95 times of 100; the best of 200 thresholds is chosen
    assert kept >= 180


def test_the_first_rule_answers_always_and_each_says_what_it_brings() -> None:
    confidence, right = drawn(300, 0)
    rules = abstention.rules(confidence, right, np.arange(300))
    assert (rules[0].threshold, rules[0].answered) == (0.0, 1.0)
    assert rules[0].error == pytest.approx((~right).mean())
    assert len(rules) == 200
    for rule in rules:
        given_answer = confidence >= rule.threshold
        assert rule.answered == pytest.approx(given_answer.mean())
        assert rule.error == pytest.approx((~right[given_answer]).mean())
        assert rule.error <= rule.bound <= 1


def test_near_duplicates_are_one_observation() -> None:
    confidence, right = np.full(60, 0.9), np.ones(60, bool)
    alone = abstention.rules(confidence, right, np.arange(60))[0]
    alike = abstention.rules(confidence, right, np.arange(60) // 10)[0]
    assert alone.bound < 0.05 < alike.bound


def test_what_cannot_be_had_is_none() -> None:
    rules = abstention.rules(np.full(20, 0.9), np.ones(20, bool), np.arange(20))
    assert abstention.least(rules, 0.5) == rules[0]
    assert abstention.least(rules, 0.01) is None


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 1, allow_nan=False), st.booleans(), st.integers(0, 5)),
        min_size=1, max_size=50,
    )
)  # fmt: skip
def test_any_predictions_give_rising_thresholds(rows: list[tuple[float, bool, int]]) -> None:
    confidence, right, groups = (np.array(column) for column in zip(*rows, strict=True))
    rules = abstention.rules(confidence, right, groups)
    thresholds = [rule.threshold for rule in rules]
    assert thresholds == sorted(thresholds)
    assert all(0 <= rule.error <= rule.bound <= 1 for rule in rules)
