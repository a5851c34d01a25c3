"""Which unlabelled images are worth a label."""

import numpy as np
import pytest

from swatchbook.review import selection

CHANCES = np.array([[0.9, 0.05, 0.05], [0.4, 0.35, 0.25], [0.5, 0.495, 0.005], [0.34, 0.33, 0.33]])
VECTORS = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]], np.float32)
LABELLED = np.array([[1, 0.02]], np.float32)


@pytest.mark.parametrize(
    ("criterion", "expected"),
    [
        ("uncertainty", [3, 1, 2, 0]),
        ("margin", [2, 3, 1, 0]),
        ("confidence", [0, 2, 1, 3]),
        ("diversity", [2, 3, 1, 0]),
    ],
)
def test_the_most_worth_come_first(criterion: str, expected: list[int]) -> None:
    chosen, scores = selection.select(criterion, CHANCES, VECTORS, LABELLED, 4, 0)
    assert list(chosen) == expected
    assert list(scores) == sorted(scores, reverse=criterion != "margin")


def test_every_image_is_chosen_once_and_random_is_by_seed() -> None:
    orders = set()
    for seed in range(8):
        chosen, _ = selection.select("random", CHANCES, VECTORS, LABELLED, 9, seed)
        assert sorted(chosen) == [0, 1, 2, 3]
        again, _ = selection.select("random", CHANCES, VECTORS, LABELLED, 9, seed)
        assert (chosen == again).all()
        orders.add(tuple(chosen))
    assert len(orders) > 2


def test_equal_images_are_not_both_chosen_for_diversity_before_others() -> None:
    vectors = np.array([[0, 1], [0, 1], [0.7, 0.7]], np.float32)
    chosen, scores = selection.select("diversity", CHANCES[:3], vectors, LABELLED, 3, 0)
    assert list(chosen)[:2] == [0, 2]
    assert scores[2] == pytest.approx(0, abs=1e-6)


def test_two_classes_have_a_margin_too() -> None:
    chances = np.array([[0.9, 0.1], [0.55, 0.45]])
    chosen, scores = selection.select("margin", chances, VECTORS[:2], LABELLED, 1, 0)
    assert list(chosen) == [1]
    assert scores[0] == pytest.approx(0.1)
