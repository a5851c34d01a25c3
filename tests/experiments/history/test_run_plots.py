"""Many runs in one picture."""

import pytest

from swatchbook.base.errors import DataError
from swatchbook.experiments.history import run_plots
from swatchbook.experiments.history.run_list import Listed


def one(number: int, value: float | None, **parameters: object) -> Listed:
    given = {f"a.{name}": content for name, content in parameters.items()}
    metrics = {} if value is None else {"accuracy": {"value": value}}
    return Listed(f"run {number}", "", "experiment", None, given, given, metrics, {}, "")


def test_axes_are_the_parameters_that_differ_in_order() -> None:
    listed = [
        one(0, 0.7, side=224, kind="svm", same=1), one(1, 0.9, side=1000, kind="dnn", same=1),
        one(2, 0.8, side=448, kind="svm", same=1), one(3, None, side=5, kind="x", same=2),
    ]  # fmt: skip
    (axes,) = run_plots.parallel_coordinates(listed, "accuracy").axes
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "a.side",
        "a.kind",
        "accuracy",
    ]
    lines = [line.get_ydata() for line in axes.lines if len(line.get_ydata()) == 3]
    assert len(lines) == 3
    # numbers by size, not as words: 224 below 448 below 1000
    assert lines[0][0] < lines[2][0] < lines[1][0]
    assert [line[2] for line in lines] == pytest.approx([0, 1, 0.5])


def test_too_little_to_draw_is_an_error() -> None:
    with pytest.raises(DataError, match="1 runs"):
        run_plots.parallel_coordinates([one(0, 0.5, side=1), one(1, None, side=2)], "accuracy")
    with pytest.raises(DataError, match="0 parameters that differ"):
        run_plots.parallel_coordinates([one(0, 0.5, side=1), one(1, 0.6, side=1)], "accuracy")
