"""Pictures of several runs on the same images, laid over each other or side by side."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from swatchbook.evaluation import curves, plots
from swatchbook.evaluation.measures import Predictions
from swatchbook.project import figures
from swatchbook.project.figures import COLOURS, GREY, blank

# pooled, and the classes that changed most
_PANELS = 4
_DASHES = ("-", "--", "-.", ":")


def roc(runs: Mapping[str, Predictions]) -> Figure:
    """ROC curves of every run: all classes pooled, and the classes that changed most."""
    figure = _panels({name: curves.roc(run) for name, run in runs.items()}, "fpr", "tpr")
    for axes in figure.axes:
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8)
        axes.set(xlabel="false positive rate", ylabel="true positive rate")
    return figure


def precision_recall(runs: Mapping[str, Predictions]) -> Figure:
    """Precision against recall, as ``roc``."""
    points = {name: curves.precision_recall(run) for name, run in runs.items()}
    figure = _panels(points, "recall", "precision")
    for axes in figure.axes:
        axes.set(xlabel="recall", ylabel="precision")
    return figure


def confusion(runs: Mapping[str, Predictions]) -> Figure:
    """The confusion matrices side by side."""
    side = plots.matrix_side(max(len(run.classes) for run in runs.values()))
    figure, panels = blank(len(runs), side * len(runs), side)
    for axes, (name, run) in zip(panels, runs.items(), strict=True):
        plots.draw_confusion(axes, run)
        right = (run.predicted == run.truth).mean()
        axes.set_title(f"{figures.plain(name)}: accuracy {right:.1%}")
    return figure


def training(histories: Mapping[str, pd.DataFrame]) -> Figure | None:
    """Validation error by epoch of the runs that refined a network, if any did."""
    trained = {name: rows for name, rows in histories.items() if len(rows)}
    if not trained:
        return None
    figure, (axes,) = blank(1, 7, 4)
    for number, (name, rows) in enumerate(trained.items()):
        colour = COLOURS[number % len(COLOURS)]
        axes.plot(
            rows["epoch"], rows["validation_error"], "s-", color=colour,
            label=f"{figures.plain(name)}: validation",
        )  # fmt: skip
        axes.plot(
            rows["epoch"], rows["training_error"], "o:", color=colour,
            label=f"{figures.plain(name)}: training",
        )  # fmt: skip
    axes.set(xlabel="epoch", ylabel="error", ylim=(0, None), title="Refinement")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(fontsize="small")
    return figure


def _panels(points: dict[str, pd.DataFrame], x: str, y: str) -> Figure:
    chosen = [curves.MICRO, *_most_changed([*points.values()], x, y)]
    figure, panels = blank(len(chosen), 4.2 * len(chosen), 4.2)
    for axes, name in zip(panels, chosen, strict=True):
        for number, (run, rows) in enumerate(points.items()):
            own = rows[rows["class"] == name]
            axes.plot(
                own[x], own[y], _DASHES[number % len(_DASHES)],
                color=COLOURS[number % len(COLOURS)], label=figures.plain(run),
            )  # fmt: skip
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02), title=figures.plain(name))
    panels[0].legend(fontsize="small")
    return figure


def _most_changed(points: list[pd.DataFrame], x: str, y: str) -> list[str]:
    names = [name for name in dict.fromkeys(points[0]["class"]) if name != curves.MICRO]
    areas = [
        [
            float(
                np.trapezoid(rows.loc[rows["class"] == name, y], rows.loc[rows["class"] == name, x])
            )
            for rows in points
        ]
        for name in names
    ]
    spread = {name: float(np.ptp(row)) for name, row in zip(names, areas, strict=True)}
    worst = sorted(names, key=lambda name: -spread[name])[: _PANELS - 1]
    return [name for name in names if name in worst]
