"""When to say "not sure": a least confidence at which few of the answers given are wrong.

Learnt from out-of-fold predictions, which no classifier made of images it was trained on
(selective classification: Geifman and El-Yaniv, "Selective Classification for Deep Neural
Networks", NeurIPS 2017).
"""

from dataclasses import dataclass

import numpy as np

# the share of errors may be above its bound with a probability of 5 %
_RISK = 0.05
_MOST_POINTS = 200


@dataclass(frozen=True)
class Rule:
    """Answer at a confidence of at least ``threshold``.

    Of the out-of-fold images, ``answered`` is the share that gets an answer and ``error`` the
    share of wrong ones among these; with 95 % confidence the true share is at most ``bound``.
    """

    threshold: float
    answered: float
    error: float
    bound: float


def rules(confidence: np.ndarray, right: np.ndarray, groups: np.ndarray) -> list[Rule]:
    """What each threshold brings, the lowest (0: answer always) first, at most 200 of them.

    Takes ``confidence (n,) float``, ``right (n,) bool`` and ``groups (n,)`` of near-duplicates.
    The bound is that of Clopper and Pearson (1934) with groups as observations, at each of the
    thresholds by itself.
    """
    # not at the top: who only reads rules should not wait for SciPy
    from scipy.special import betaincinv

    order = np.argsort(-confidence, kind="stable")
    sure, wrong = confidence[order], ~right[order]
    _, first = np.unique(groups[order], return_index=True)
    is_new = np.zeros(len(order), bool)
    is_new[first] = True
    errors, independent = np.cumsum(wrong), np.cumsum(is_new)
    count = np.arange(1, len(order) + 1)
    # only where the next one is less sure: equal ones are answered together
    ends = np.flatnonzero(np.append(sure[1:] < sure[:-1], True))
    chosen = ends[np.unique(np.linspace(0, len(ends) - 1, _MOST_POINTS).round().astype(int))]
    share = errors[chosen] / count[chosen]
    failures = share * independent[chosen]
    bounds = betaincinv(failures + 1, np.maximum(independent[chosen] - failures, 1e-9), 1 - _RISK)
    found = [
        Rule(float(at), float(n / len(order)), float(error), float(min(bound, 1.0)))
        for at, n, error, bound in zip(
            sure[chosen], count[chosen], share, np.maximum(bounds, share), strict=True
        )
    ]
    last = found[-1]
    return [Rule(0.0, last.answered, last.error, last.bound), *reversed(found[:-1])]


def least(rules: list[Rule], max_error: float) -> Rule | None:
    """The rule that answers most of those whose errors stay below ``max_error``; None: none."""
    return next((rule for rule in rules if rule.bound <= max_error), None)
