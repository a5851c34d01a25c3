"""Whether a run is good enough: yes, no, can't tell."""

import numpy as np
import pytest
from support.run_tables import run

from swatchbook.base.errors import DataError
from swatchbook.experiments import comparison, quality_gate
from swatchbook.experiments.comparison import Comparison
from swatchbook.experiments.quality_gate import Check

METRICS = {"accuracy": 0.8, "interval": {"accuracy": {"low": 0.75, "high": 0.85}}}


@pytest.mark.parametrize(
    ("bound", "is_least", "outcome"),
    [
        (0.7, True, "pass"), (0.75, True, "pass"), (0.8, True, "can't tell"),
        (0.85, True, "can't tell"), (0.86, True, "fail"), (0.9, False, "pass"),
        (0.8, False, "can't tell"), (0.7, False, "fail"),
    ],
)  # fmt: skip
def test_a_limit_is_kept_or_broken_by_the_whole_interval(
    bound: float, is_least: bool, outcome: str
) -> None:
    check = quality_gate.limit(METRICS, "accuracy", bound, is_least)
    assert check.outcome == outcome
    assert f"{bound:g}: 0.8 (0.75 to 0.85)" in check.text


def test_what_has_no_such_metric_is_an_error() -> None:
    with pytest.raises(DataError, match="has no log_loss with an interval"):
        quality_gate.limit(METRICS, "log_loss", 1, is_least=False)
    with pytest.raises(DataError, match="has no accuracy"):
        quality_gate.limit({"accuracy": 0.5}, "accuracy", 1, is_least=True)
    rows = run(np.ones(6, bool), np.zeros(6, int))
    (found,) = comparison.compare(rows, [rows.copy()], resamples=100)
    with pytest.raises(DataError, match="roc_auc_macro is not defined on the 6 shared images"):
        quality_gate.no_worse("main", found, "roc_auc_macro", 0)


def compared(fixed: int, broken: int) -> Comparison:
    number = np.arange(400)
    right_a = number >= fixed
    right_b = (number < fixed) | (number >= fixed + broken)
    truth = number % 2
    return comparison.compare(run(right_a, truth), [run(right_b, truth)], resamples=200)[0]


@pytest.mark.parametrize(
    ("fixed", "broken", "name", "margin", "outcome"),
    [
        (40, 2, "accuracy", 0, "pass"), (2, 40, "accuracy", 0, "fail"),
        (2, 40, "accuracy", 0.2, "pass"), (8, 8, "accuracy", 0, "can't tell"),
        (8, 8, "accuracy", 0.05, "pass"), (0, 0, "accuracy", 0, "pass"),
        (0, 0, "class_average_accuracy", 0, "pass"), (80, 2, "log_loss", 0, "pass"),
        (2, 80, "log_loss", 0, "fail"),
    ],
)  # fmt: skip
def test_not_worse_is_told_by_the_interval_of_the_difference(
    fixed: int, broken: int, name: str, margin: float, outcome: str
) -> None:
    check = quality_gate.no_worse("main", compared(fixed, broken), name, margin)
    assert check.outcome == outcome, check.text


def test_a_failed_check_decides_then_one_that_can_not_be_told() -> None:
    kept, broken, unsure = Check("", "pass"), Check("", "fail"), Check("", "can't tell")
    assert quality_gate.verdict([kept, kept]) == "pass"
    assert quality_gate.verdict([kept, unsure]) == "can't tell"
    assert quality_gate.verdict([unsure, broken, kept]) == "fail"
