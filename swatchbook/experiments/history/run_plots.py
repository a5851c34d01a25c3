"""Many runs in one picture."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from swatchbook.base.errors import DataError
from swatchbook.experiments.history.run_list import Listed, text_of
from swatchbook.project.figures import GREY, blank, plain


def parallel_coordinates(listed: Sequence[Listed], metric: str) -> Figure:
    """A line for each run through its parameters that differ, ending at ``metric``.

    Numbers stand in their order, words beside each other; the colour is that of the metric
    (Inselberg 1985).

    Raises:
        DataError: where fewer than two runs have the metric, or nothing differs.
    """
    measured, keys = differing(listed, metric)
    if not can_be_drawn(measured, keys):
        raise DataError(
            f"--plot: {len(measured)} runs, {len(keys)} parameters that differ: too few"
        )
    values = np.array([run.metrics[metric]["value"] for run in measured])
    scaled = [_positions([run.parameters.get(key) for run in measured]) for key in keys]
    low, high = values.min(), values.max()
    height = (values - low) / (high - low) if high > low else np.full(len(values), 0.5)
    figure, (axes,) = blank(1, 2.4 * (len(keys) + 1), 4.5)
    # runs that share values would hide each other
    aside = np.linspace(-0.03, 0.03, len(values))
    for number, row in enumerate(np.column_stack([*(place for place, _ in scaled), height])):
        row[:-1] += aside[number]
        axes.plot(range(len(row)), row, "o-", color=colormaps["viridis"](height[number]), alpha=0.8)
    for column, (place, names) in enumerate(scaled):
        for at, name in dict(zip(place.tolist(), names, strict=True)).items():
            axes.annotate(
                plain(name), (column, at + 0.03), (8, 4), textcoords="offset points", fontsize=8
            )
    for at, value in ((0.0, low), (1.0, high)):
        axes.annotate(
            f"{value:.3f}", (len(keys), at), (6, 0), textcoords="offset points", fontsize=8
        )
    for column in range(len(keys) + 1):
        axes.axvline(column, color=GREY, linewidth=0.8)
    axes.set_xticks(range(len(keys) + 1), [*(plain(key, 40) for key in keys), metric])
    axes.set(yticks=[], xlim=(-0.2, len(keys) + 0.5), ylim=(-0.06, 1.1))
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    return figure


def differing(listed: Sequence[Listed], metric: str) -> tuple[list[Listed], list[str]]:
    """The runs that have a metric, and the parameters in which these differ."""
    measured = [run for run in listed if metric in run.metrics]
    keys = dict.fromkeys(key for run in measured for key in run.changed)
    return measured, [
        key for key in keys if len({text_of(run.parameters.get(key)) for run in measured}) > 1
    ]


def can_be_drawn(measured: Sequence[Listed], keys: Sequence[str]) -> bool:
    """Whether that is enough for a picture."""
    return len(measured) > 1 and bool(keys)


def _positions(values: list[Any]) -> tuple[np.ndarray, list[str]]:
    """Heights from 0 to 1 and names: each distinct value has its own, in order."""
    names = [text_of(value) for value in values]
    is_number = all(isinstance(value, int | float) for value in values)
    by_name = dict(zip(names, values, strict=True))
    order = sorted(by_name, key=by_name.__getitem__) if is_number else sorted(by_name)
    most = max(1, len(order) - 1)
    return np.array([order.index(name) / most for name in names]), names
