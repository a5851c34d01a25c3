"""Which images an epoch shows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from swatchbook.base import chance
from swatchbook.training.batches import sampling

LABELS = np.array([0] * 20 + [1] * 7 + [2] * 3)


@given(st.integers(0, 100), st.integers(0, 50))
def test_an_epoch_shows_every_image_once_in_an_order_of_its_own(seed: int, epoch: int) -> None:
    order = sampling.epoch_order(LABELS, "none", 0, seed, epoch)
    assert sorted(order) == list(range(30))
    assert np.array_equal(order, sampling.epoch_order(LABELS, "none", 0, seed, epoch))
    assert not np.array_equal(order, sampling.epoch_order(LABELS, "none", 0, seed, epoch + 1))


@given(st.integers(0, 100))
def test_oversampling_makes_classes_equal_and_loses_no_image(epoch: int) -> None:
    order = sampling.epoch_order(LABELS, "oversample", 0, 0, epoch)
    assert np.bincount(LABELS[order]).tolist() == [20, 20, 20]
    assert set(order) == set(range(30))
    repeats = np.bincount(order)[LABELS == 1]
    assert set(repeats) <= {2, 3}


def test_a_cap_bounds_an_epoch_and_over_epochs_all_are_shown() -> None:
    shown = set()
    for epoch in range(40):
        order = sampling.epoch_order(LABELS, "none", 5, 0, epoch)
        assert len(order) == 5
        shown |= set(order)
    assert shown == set(range(30))


def test_weights_give_every_class_the_same_say() -> None:
    weights = sampling.class_weights(LABELS, 3, "weights")
    says = weights * np.bincount(LABELS)
    assert np.allclose(says, says[0])
    assert (weights[LABELS]).mean() == pytest.approx(1)
    assert (sampling.class_weights(LABELS, 3, "none") == 1).all()


def test_seeds_depend_on_every_number() -> None:
    seeds = {chance.seed_of(a, b, c) for a in range(5) for b in range(5) for c in range(5)}
    assert len(seeds) == 125
    assert all(0 <= seed < 2**63 for seed in seeds)
