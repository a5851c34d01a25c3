"""Smoothing a map of classes: each tile takes what most of it and its eight neighbours are."""

import numpy as np

CENTRE = 2


def smoothed(classes: np.ndarray, count: int, centre: int = CENTRE) -> np.ndarray:
    """``classes (rows, columns) int`` after a vote of 3 × 3 tiles in which the centre counts twice.

    A negative number is no class: it neither votes nor changes. A tie that the centre is part of
    is the centre's; of another tie the first class is taken. ``count`` is how many there are.
    """
    votes = np.zeros((count, *classes.shape), np.int16)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            weight = centre if down == right == 0 else 1
            near = _moved(classes, down, right)
            for number in range(count):
                votes[number] += weight * (near == number)
    result: np.ndarray = votes.argmax(axis=0).astype(classes.dtype)
    there = classes >= 0
    own = np.take_along_axis(votes, np.maximum(classes, 0)[None], axis=0)[0]
    keeps = ~there | (own == votes.max(axis=0))
    result[keeps] = classes[keeps]
    return result


def _moved(classes: np.ndarray, down: int, right: int) -> np.ndarray:
    """Each tile's neighbour so far down and right; -1 beyond the edge."""
    padded = np.pad(classes, 1, constant_values=-1)
    rows, columns = classes.shape
    found: np.ndarray = padded[1 + down : 1 + down + rows, 1 + right : 1 + right + columns]
    return found
