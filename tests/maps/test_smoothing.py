"""A vote of neighbours: islands go, ties stay, what is no tile neither votes nor changes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from swatchbook.maps.smoothing import smoothed


def test_an_island_of_one_tile_goes_and_of_four_stays() -> None:
    plain = np.zeros((7, 7), int)
    island = plain.copy()
    island[3, 3] = 1
    assert (smoothed(island, 2) == 0).all()
    square = plain.copy()
    square[2:4, 2:4] = 1  # 5 votes of its own and its kind against 5
    assert (smoothed(square, 2) == square).all()


def test_a_tie_is_the_centres() -> None:
    classes = np.array([[0, 0, 1], [1, 1, 0], [0, 0, 1]])  # 5 votes (centre twice) against 5
    assert smoothed(classes, 2)[1, 1] == 1
    assert smoothed(1 - classes, 2)[1, 1] == 0


def test_no_tile_neither_votes_nor_changes() -> None:
    classes = np.array([[-1, -1, -1], [-1, 1, 0], [-1, -1, 0]])
    found = smoothed(classes, 2)
    assert (found[classes < 0] == -1).all()
    assert found[1, 1] == 1  # two votes against two
    assert found[1, 2] == 0


@given(
    hnp.arrays(
        np.int64, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.integers(-1, 3)
    )
)
def test_it_is_the_plain_definition(classes: np.ndarray) -> None:
    found = smoothed(classes, 4)
    for row, column in np.ndindex(*classes.shape):
        own = classes[row, column]
        if own < 0:
            assert found[row, column] == own
            continue
        near = classes[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2].ravel()
        votes = np.bincount(near[near >= 0], minlength=4)
        votes[own] += 1
        wanted = own if votes[own] == votes.max() else votes.argmax()
        assert found[row, column] == wanted
