"""The estimator against the published example, and against simulated maps."""

import numpy as np
import pytest

from swatchbook.maps import area

# Olofsson et al. 2014, table 8: sample of deforestation, forest gain, stable forest, stable other
SAMPLE = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
PIXELS = np.array([200_000, 150_000, 3_200_000, 6_450_000])
HECTARES = 30 * 30 / 10_000


def test_the_published_example_to_the_hectare() -> None:
    found = area.estimated(SAMPLE, PIXELS * HECTARES)
    areas = [(round(one.adjusted), round(one.margin or 0)) for one in found.classes]
    assert areas == [(21_158, 6_158), (11_686, 3_756), (285_770, 15_510), (581_386, 16_282)]
    assert (round(found.accuracy, 3), round(found.margin, 3)) == (0.947, 0.018)
    assert [round(one.users or 0, 2) for one in found.classes] == [0.88, 0.73, 0.93, 0.96]
    assert [round(one.producers or 0, 2) for one in found.classes] == [0.75, 0.85, 0.93, 0.96]


def test_intervals_cover_what_they_say_and_too_few_have_none() -> None:
    random = np.random.default_rng(1)
    truth = random.choice(4, 3000, p=[0.15, 0.3, 0.548, 0.002])
    mapped = np.where(random.random(3000) < 0.8, truth, random.integers(0, 4, 3000))
    sizes = np.bincount(mapped, minlength=4)
    drawn = area.allotted(sizes, 200)
    assert drawn.sum() == 200
    wanted = np.bincount(truth, minlength=4)
    inside, told = np.zeros(4), np.zeros(4)
    runs = 1000
    for _ in range(runs):
        sample = np.zeros((4, 4))
        for stratum, count in enumerate(drawn):
            chosen = random.choice(np.flatnonzero(mapped == stratum), count, replace=False)
            sample[stratum] = np.bincount(truth[chosen], minlength=4)
        for number, one in enumerate(area.estimated(sample, sizes).classes):
            if one.margin is not None:
                told[number] += 1
                inside[number] += abs(one.adjusted - wanted[number]) <= one.margin
    assert (told[:3] > 0.5 * runs).all()
    # without the correction for finite populations intervals are a little wide
    assert (inside[:3] / told[:3] > 0.93).all()
    assert (inside[:3] / told[:3] < 0.985).all()
    assert told[3] == 0


def test_what_nobody_looked_at_leaves_no_interval_and_no_accuracy() -> None:
    sample = np.array([[10, 0, 0], [2, 8, 0], [0, 0, 0]])
    found = area.estimated(sample, np.array([50.0, 30.0, 20.0]))
    assert found.classes[2].adjusted == pytest.approx(20)
    assert found.classes[2].users is None
    assert found.unseen == [2]
    assert found.accuracy is None
    assert all(one.margin is None for one in found.classes)
    one_each = area.estimated(np.diag([30, 30, 1]), np.array([50.0, 30.0, 20.0]))
    assert one_each.unseen == [2]
    two_each = area.estimated(np.diag([30, 30, 2]), np.array([50.0, 30.0, 20.0]))
    assert two_each.unseen == []
    assert two_each.classes[0].margin is not None
    assert found.classes[0].adjusted == pytest.approx(50 + 30 * 0.2)


@pytest.mark.parametrize(
    ("sizes", "count", "wanted"),
    [
        ([1000, 1000], 100, [50, 50]),
        ([2000, 30, 3], 100, [77, 20, 3]),
        ([5, 5], 100, [5, 5]),
        ([1000, 1000, 1000], 30, [10, 10, 10]),
        ([0, 100], 20, [0, 20]),
        ([33, 3962, 8, 2227], 60, [18, 18, 7, 17]),
    ],
)
def test_rare_classes_get_a_sample_too(sizes: list[int], count: int, wanted: list[int]) -> None:
    assert area.allotted(np.array(sizes), count).tolist() == wanted
