"""From what confidence `predict` answers: what is asked for, else what the bundle says."""

from types import SimpleNamespace
from typing import Any

import pytest

from swatchbook.base.errors import DataError
from swatchbook.bundle.abstention import Rule
from swatchbook.prediction import run
from swatchbook.prediction.run import Answers

RULES = [Rule(0.0, 1.0, 0.2, 0.3), Rule(0.6, 0.7, 0.05, 0.1)]


def bundle(threshold: float) -> Any:
    return SimpleNamespace(threshold=threshold, rules=RULES)


@pytest.mark.parametrize(
    ("of_bundle", "answers", "wanted", "says"),
    [
        (0.0, Answers(), 0.0, ""),
        (0.75, Answers(), 0.75, "not sure below 0.75 (bundle.threshold)"),
        (0.75, Answers(threshold=0.0), 0.0, ""),
        (0.75, Answers(threshold=0.9), 0.9, ""),
        (0.75, Answers(max_error=0.1), 0.6, "not sure below 0.600"),
    ],
)
def test_what_is_asked_for_comes_before_what_the_bundle_says(
    of_bundle: float, answers: Answers, wanted: float, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.threshold(bundle(of_bundle), answers) == wanted
    said = capsys.readouterr().err
    assert says in said
    assert bool(said) == bool(says)


def test_a_share_that_cannot_be_had_is_an_error() -> None:
    with pytest.raises(DataError, match=r"the least is 0\.1, at --threshold 0\.600"):
        run.threshold(bundle(0.0), Answers(max_error=0.01))
