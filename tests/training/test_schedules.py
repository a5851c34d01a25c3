"""Learning rates: steps, presets, and a cosine after a warm-up."""

import numpy as np
import pytest

from swatchbook.training import schedules
from swatchbook.training.parameters import RefineDnn


def test_steps_hold_for_their_epochs() -> None:
    schedule = schedules.of(RefineDnn(schedule=[[0.01, 20], [0.001, 20], [0.0001, 5]]))
    assert schedule.epochs == 45
    rates = [schedule.rate(progress) for progress in (0, 19.99, 20, 39.5, 40, 44.9, 60)]
    assert rates == [0.01, 0.01, 0.001, 0.001, 0.0001, 0.0001, 0.0001]


def test_a_name_is_the_schedule_of_its_preset() -> None:
    schedule = schedules.of(RefineDnn(schedule="guide_fast"))
    assert schedule.epochs == 15
    assert [schedule.rate(epoch) for epoch in (0, 7, 14)] == [0.05, 0.005, 0.0005]


@pytest.mark.parametrize("warmup", [0, 2])
def test_a_cosine_rises_to_its_peak_and_falls_to_nothing(warmup: int) -> None:
    schedule = schedules.of(RefineDnn(schedule="cosine", rate=0.1, epochs=10, warmup=warmup))
    rates = np.array([schedule.rate(progress) for progress in np.linspace(0, 10, 1001)])
    peak = int(rates.argmax())
    assert rates[peak] == pytest.approx(0.1)
    assert peak == warmup * 100
    assert (np.diff(rates[:peak]) > 0).all()
    assert (np.diff(rates[peak:]) < 0).all()
    assert rates[-1] == pytest.approx(0, abs=1e-9)
    assert rates[0] > 0
