"""Pictures of several runs together."""

import numpy as np
import pandas as pd

from swatchbook.evaluation import curves
from swatchbook.evaluation.measures import Predictions
from swatchbook.experiments import comparison_plots
from swatchbook.project import tables


def predictions(classes: int, noise: float) -> Predictions:
    random = np.random.default_rng(0)
    truth = np.arange(60) % classes
    chances = np.eye(classes)[truth] + noise * random.random((60, classes))
    chances /= chances.sum(axis=1, keepdims=True)
    return Predictions(truth, chances, np.arange(60), [f"class {n}" for n in range(classes)])


def test_classes_that_changed_most_have_panels_beside_all_pooled() -> None:
    better = predictions(6, 0.5)
    worse = predictions(6, 0.5)
    # two classes get worse: their scores are shuffled
    random = np.random.default_rng(1)
    for number in (1, 4):
        random.shuffle(worse.probabilities[:, number])
    figure = comparison_plots.roc({"main": better, "new": worse})
    titles = [axes.get_title() for axes in figure.axes]
    assert len(titles) == 4
    assert titles[0] == curves.MICRO
    assert {"class 1", "class 4"} < set(titles)
    for axes in figure.axes:
        drawn = {line.get_label() for line in axes.lines}
        assert {"main", "new"} < drawn


def test_all_pictures_of_two_classes_and_three_runs() -> None:
    runs = {name: predictions(2, noise) for name, noise in (("a", 1), ("b", 2), ("$c_1$", 3))}
    assert len(comparison_plots.precision_recall(runs).axes) == 3
    assert len(comparison_plots.confusion(runs).axes) == 3


def test_only_runs_that_trained_have_curves() -> None:
    columns = list(tables.TRAINING_CURVES.columns)
    empty = pd.DataFrame(columns=columns)
    assert comparison_plots.training({"a": empty, "b": empty}) is None
    rows = pd.DataFrame(
        [[1, 0.1, 1, 0.5, 1, 0.4, 0.4]], columns=list(tables.TRAINING_CURVES.columns)
    )
    figure = comparison_plots.training({"a": empty, "b": rows})
    assert figure is not None
    assert len(figure.axes[0].lines) == 2
