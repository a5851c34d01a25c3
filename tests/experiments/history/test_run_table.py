"""The table of runs fits where it is shown."""

from datetime import UTC, datetime
from typing import Any

import pytest

from swatchbook.experiments.history import run_table
from swatchbook.experiments.history.run_list import Listed

BOUNDS = {"value": 0.71, "low": 0.668, "high": 0.748}


def run(name: str, changed: dict[str, Any], device: str = "AMD EPYC 64-Core") -> Listed:
    metrics = dict.fromkeys(("accuracy", "class_average_accuracy"), BOUNDS)
    return Listed(
        name, "1a2b3c4", "experiment", datetime(2026, 11, 28, 19, 30, tzinfo=UTC), changed, changed,
        {**metrics, "log_loss": {"value": 0.5}}, {"featurize": 61.0}, device,
    )  # fmt: skip


MANY = {f"refine_dnn.parameter_{number}": number for number in range(12)}
RUNS = [
    run("smoky-bear", {"split.seed": 1, "dedupe.keep": "all"}),
    run("tepid-lion", {"dedupe.keep": "all", **MANY}),
]


@pytest.mark.parametrize("width", [80, 100, 120, 160, 250])
def test_it_is_no_wider_than_the_terminal(width: int) -> None:
    text = run_table.as_text(RUNS, "simple", width)
    assert max(map(len, text.splitlines())) <= width
    for said in ("smoky-bear", "split.seed=1", "0.710", "refine_dnn.parameter_11=11"):
        assert said in text
    assert "all with dedupe.keep=all" in text
    assert "all on AMD EPYC 64-Core" in text
    assert ("0.668" in text) == ("--csv has all" not in text)


def test_without_a_width_all_is_there() -> None:
    text = run_table.as_text(RUNS, "simple")
    assert max(map(len, text.splitlines())) > 250
    assert "0.710 (0.668 to 0.748)" in text
    assert "2026-11-28 19:30" in text
    assert text.count("AMD EPYC 64-Core") == 2


def test_wide_terminals_show_devices_that_differ() -> None:
    text = run_table.as_text([RUNS[0], run("calm-seal", {}, "Intel Xeon")], "simple", 200)
    assert "Intel Xeon" in text
    assert "AMD EPYC" in text


def test_no_run_is_said() -> None:
    assert run_table.as_text([], "simple", 80) == "no runs"
