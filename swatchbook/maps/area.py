"""How much of a place is of each class: counted on the map, and estimated from a reference sample.

Counting tiles is not measuring area: where a map confuses classes, it counts the confusion. The
estimator is that of Olofsson et al., "Good practices for estimating area and assessing accuracy of
land change", Remote Sensing of Environment 148 (2014), equations 1 to 11: a sample stratified by
mapped class corrects the count and says how sure that is.
"""

from dataclasses import dataclass

import numpy as np

# with fewer of a class in the sample, its interval is not to be trusted: of a class with 7 tiles
# in all it held the truth in 32 of 100 samples
ENOUGH = 25
# as the article has it
_Z = 1.96


@dataclass(frozen=True)
class AreaOfClass:
    """Area of one class in the map's unit.

    ``mapped`` is counted, ``adjusted`` estimated with half its 95 % interval ``margin`` (None:
    the sample has too few of it, ``sampled``). ``users`` and ``producers`` are accuracies (None
    where the sample says nothing of them).
    """

    mapped: float
    adjusted: float
    margin: float | None
    sampled: int
    users: float | None
    producers: float | None


@dataclass(frozen=True)
class Estimate:
    """``classes`` in their order, and the accuracy of the whole map with half its interval.

    ``unseen`` are mapped classes of which fewer than two tiles were looked at: while there are any,
    nothing has an interval, and the accuracy is None.
    """

    classes: list[AreaOfClass]
    accuracy: float | None
    margin: float | None
    unseen: list[int]


def estimated(sample: np.ndarray, mapped: np.ndarray) -> Estimate:
    """Estimate areas from a ``sample (k, k)`` of counts: rows mapped class, columns true class.

    ``mapped (k,)`` is the mapped area of each class. A class that is mapped but was never sampled
    is taken as the map has it.
    """
    counts = sample.sum(axis=1)
    total = mapped.sum()
    weights = mapped / total
    drawn = counts > 0
    shares = np.where(drawn[:, None], sample / np.maximum(counts, 1)[:, None], np.eye(len(mapped)))
    proportions = weights[:, None] * shares
    true = proportions.sum(axis=0)
    # two at least: the variance of one is unknown
    spread = np.where(counts > 1, weights**2 / np.maximum(counts - 1, 1), 0.0)
    errors = np.sqrt((spread[:, None] * shares * (1 - shares)).sum(axis=0))
    correct = np.diag(shares)
    sampled = sample.sum(axis=0)
    unseen = [int(k) for k in np.flatnonzero((mapped > 0) & (counts < 2))]
    accuracy = float(np.diag(proportions).sum())
    margin = float(_Z * np.sqrt((spread * correct * (1 - correct)).sum()))
    rows = [
        AreaOfClass(
            float(mapped[k]),
            float(true[k] * total),
            float(_Z * errors[k] * total) if sampled[k] >= ENOUGH and not unseen else None,
            int(sampled[k]),
            float(correct[k]) if drawn[k] else None,
            float(proportions[k, k] / true[k]) if true[k] > 0 else None,
        )
        for k in range(len(mapped))
    ]
    if unseen:
        return Estimate(rows, None, None, unseen)
    return Estimate(rows, accuracy, margin, unseen)


def allotted(sizes: np.ndarray, count: int, least: int = 20) -> np.ndarray:
    """How many of ``count`` to draw from strata of ``sizes``: as their sizes are, but no fewer
    than ``least`` (or all) of each, so that rare classes are judged at all (ibid., section 5.1.2).
    """
    floor = np.minimum(sizes, least)
    if floor.sum() >= count:
        share = count / max(1, floor.sum())
        few = np.maximum((floor * share).astype(int), (sizes > 0).astype(int))
        # what rounding left over goes to those that lost most by it
        for stratum in np.argsort(few - floor * share, kind="stable")[: max(0, count - few.sum())]:
            few[stratum] += int(sizes[stratum] > few[stratum])
        return np.asarray(np.minimum(sizes, few))
    rest = count - floor.sum()
    left = sizes - floor
    more = np.floor(left * min(1.0, rest / max(1, left.sum()))).astype(int)
    short = int(rest - more.sum())
    # what rounding left over goes to the largest
    for stratum in np.argsort(-(left - more), kind="stable")[: max(0, short)]:
        more[stratum] += int(left[stratum] > more[stratum])
    result: np.ndarray = floor + more
    return result
