"""Whether a run is good enough, with three answers: yes, no, and that it can't be told.

A figure alone says nothing: what counts is on which side of the limit its whole interval lies.
"""

from dataclasses import dataclass
from typing import Any, Literal

from swatchbook.base.errors import DataError
from swatchbook.evaluation.headlines import LOSSES, SHARES
from swatchbook.experiments.comparison import Comparison

Outcome = Literal["pass", "fail", "can't tell"]


@dataclass(frozen=True)
class Check:
    """One requirement, in words, and what became of it."""

    text: str
    outcome: Outcome


def limit(metrics: dict[str, Any], name: str, bound: float, is_least: bool) -> Check:
    """Whether headline metric ``name`` of ``metrics/evaluation.json`` keeps to ``bound``.

    Raises:
        DataError: where it has no such metric, as those of old versions.
    """
    try:
        value, interval = metrics[name], metrics["interval"][name]
        low, high = interval["low"], interval["high"]
    except (KeyError, TypeError):
        raise DataError(
            f"metrics/evaluation.json has no {name} with an interval; `dvc repro` writes it"
        ) from None
    kept, broken = (low >= bound, high < bound) if is_least else (high <= bound, low > bound)
    sign = "≥" if is_least else "≤"
    text = f"{name} {sign} {bound:g}: {value:.4g} ({low:.4g} to {high:.4g})"
    return Check(text, _outcome(kept, broken))


def no_worse(than: str, found: Comparison, name: str, margin: float) -> Check:
    """Whether B is not worse than A (``than``) by more than ``margin`` (a non-inferiority test).

    Two runs that are right and wrong on the same images pass in ``accuracy`` and
    ``class_average_accuracy``: there is nothing to be unsure of.
    """
    if name not in found.metrics:
        raise DataError(
            f"{name} is not defined on the {len(found.shared.rows)} shared images; try accuracy"
        )
    delta = found.metrics[name]["difference"]
    sign = -1 if name in LOSSES else 1
    low, high = sorted((sign * delta["low"], sign * delta["high"]))
    is_same = found.fixed + found.broken == 0 and name in SHARES
    text = (
        f"{name} no worse than {than} by more than {margin:g}: "
        f"{delta['value']:+.4g} ({delta['low']:+.4g} to {delta['high']:+.4g})"
    )
    return Check(text, _outcome(is_same or low >= -margin, high < -margin))


def verdict(checks: list[Check]) -> Outcome:
    """A failed check decides, then one that can't be told."""
    outcomes = {check.outcome for check in checks}
    return "fail" if "fail" in outcomes else "can't tell" if "can't tell" in outcomes else "pass"


def _outcome(kept: bool, broken: bool) -> Outcome:
    return "pass" if kept else "fail" if broken else "can't tell"
