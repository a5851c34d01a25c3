"""The pictures of a trained classifier."""

from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from swatchbook.evaluation import curves
from swatchbook.evaluation.measures import Predictions
from swatchbook.project.figures import COLOURS, GREY, blank, plain, save

_DASHES = ("-", "--", "-.", ":")
# more curves than this can't be told apart: most classes are a band, and the worst few are drawn
_MOST_CURVES = 8
_WORST_CURVES = 3
# a matrix of more classes has no room for numbers: then the pairs that are confused most
_MOST_NUMBERS = 30
_MOST_PAIRS = 25
_MOST_GALLERY_CLASSES = 12
# a point of fewer images says nothing
_LEAST_IN_BIN = 10
# of a gallery, in inches: a picture with its caption, what is around it, and the title above all
_CELL, _MARGIN, _HEADING = (1.9, 2.3), 0.1, 0.4

Show = Callable[[str], "np.ndarray | None"]


def roc_and_confusion(predictions: Predictions, metrics: dict[str, Any], path: Path) -> None:
    """ROC curves with their areas beside the confusion matrix."""
    side = matrix_side(len(predictions.classes))
    figure, (left, right) = blank(2, 6.5 + side, side)
    points = curves.roc(predictions)
    areas = {name: row.get("roc_auc") for name, row in metrics["per_class"].items()}
    areas[curves.MICRO] = metrics["roc_auc_micro"]
    _curves(left, points, "fpr", "tpr", areas, "AUC")
    left.plot([0, 1], [0, 1], color=GREY, linewidth=0.8)
    left.set(xlabel="false positive rate", ylabel="true positive rate")
    interval = metrics["interval"]["roc_auc_macro"]
    left.set_title(
        f"ROC: macro AUC {metrics['roc_auc_macro']:.3f} "
        f"({interval['low']:.3f} to {interval['high']:.3f})"
    )
    left.legend(loc="lower right", fontsize="small")
    draw_confusion(right, predictions)
    interval = metrics["interval"]["class_average_accuracy"]
    right.set_title(
        f"class-average accuracy {metrics['class_average_accuracy']:.1%} "
        f"({interval['low']:.1%} to {interval['high']:.1%})"
    )
    save(figure, path)


def precision_recall(predictions: Predictions, metrics: dict[str, Any], path: Path) -> None:
    """Precision against recall with average precisions."""
    figure, (axes,) = blank(1, 6.5, 5.5)
    points = curves.precision_recall(predictions)
    areas = {name: row.get("average_precision") for name, row in metrics["per_class"].items()}
    areas[curves.MICRO] = metrics["average_precision_micro"]
    _curves(axes, points, "recall", "precision", areas, "AP")
    axes.set(xlabel="recall", ylabel="precision", ylim=(0, 1.02))
    axes.set_title(f"Precision and recall: macro AP {metrics['average_precision_macro']:.3f}")
    axes.legend(loc="lower left", fontsize="small")
    save(figure, path)


def reliability(predictions: Predictions, metrics: dict[str, Any], path: Path) -> None:
    """Accuracy against confidence, and how many images stand behind each point."""
    figure, (upper, lower) = blank(2, 6, 6.5, rows=True)
    bins = curves.reliability(predictions, _LEAST_IN_BIN)
    upper.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, label="perfectly calibrated")
    reach = np.abs(bins[["low", "high"]].to_numpy().T - bins["accuracy"].to_numpy())
    upper.errorbar(
        bins["confidence"], bins["accuracy"], reach, fmt="o-", color=COLOURS[0], capsize=3,
        label=f"test images, {_LEAST_IN_BIN} or more a point",
    )  # fmt: skip
    upper.set(ylabel="accuracy", ylim=(0, 1.02), xlim=(0, 1))
    upper.set_title(f"Expected calibration error {metrics['expected_calibration_error']:.3f}")
    upper.legend(loc="lower right")
    lower.hist(predictions.probabilities.max(axis=1), np.linspace(0, 1, 21), color=COLOURS[0])
    lower.set(
        xlabel="confidence (probability of the predicted class)", ylabel="images", xlim=(0, 1)
    )
    save(figure, path)


def worst_mistakes(rows: pd.DataFrame, show: Show, path: Path, most: int = 12) -> None:
    """The wrong predictions with the highest confidence: often wrong labels."""
    wrong = rows[rows["predicted"] != rows["label"]]
    worst = wrong.sort_values(["confidence", "sha256"], ascending=[False, True]).head(most)
    if worst.empty:
        figure, (axes,) = blank(1, 4, 2)
        axes.axis("off")
        axes.text(0.5, 0.5, "No mistakes on the test part", ha="center", va="center")
    else:
        figure = _gallery([worst], 4, show, "Most confident mistakes")
    save(figure, path)


def examples(rows: pd.DataFrame, show: Show, path: Path, per_class: int = 6) -> None:
    """Test images of each class with their predictions: a row a class."""
    classes = sorted(set(rows["label"]))
    title = "Test images of each class"
    if len(classes) > _MOST_GALLERY_CLASSES:
        # the worst: what goes well needs no looking at
        wrong = (rows["predicted"] != rows["label"]).groupby(rows["label"]).sum()
        worst = wrong.sort_values(ascending=False, kind="stable").index[:_MOST_GALLERY_CLASSES]
        title = f"The {_MOST_GALLERY_CLASSES} of {len(classes)} classes with most mistakes"
        classes = [name for name in classes if name in set(worst)]
    parts = [rows[rows["label"] == name].sort_values("sha256").head(per_class) for name in classes]
    save(_gallery(parts, per_class, show, title), path)


def _curves(
    axes: Any, points: pd.DataFrame, x: str, y: str, areas: dict[str, Any], unit: str
) -> None:
    names = [name for name in dict.fromkeys(points["class"]) if name != curves.MICRO]
    worst = set(names)
    if len(names) > _MOST_CURVES:
        worst = set(sorted(names, key=lambda name: areas[name])[:_WORST_CURVES])
        grid = np.linspace(0, 1, 101)
        every = [_along(points[points["class"] == name], x, y, grid) for name in names]
        low, high = np.quantile(every, [0.05, 0.95], axis=0)
        label = f"nine of ten of {len(names)} classes"
        axes.fill_between(grid, low, high, color=COLOURS[5], alpha=0.35, label=label)
    styles = cycle([(colour, dash) for dash in _DASHES for colour in COLOURS])
    for name in [name for name in names if name in worst]:
        colour, dash = next(styles)
        part = points[points["class"] == name]
        axes.plot(
            part[x], part[y], dash, color=colour, label=f"{plain(name)} ({unit} {areas[name]:.3f})"
        )
    part = points[points["class"] == curves.MICRO]
    axes.plot(
        part[x],
        part[y],
        color=GREY,
        linewidth=2.5,
        label=f"micro ({unit} {areas[curves.MICRO]:.3f})",
    )
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))


def _along(part: pd.DataFrame, x: str, y: str, grid: np.ndarray) -> np.ndarray:
    """A curve's height at the points of ``grid``."""
    rows = part.sort_values([x, y], kind="stable")
    return np.asarray(np.interp(grid, rows[x].to_numpy(float), rows[y].to_numpy(float)))


def matrix_side(classes: int) -> float:
    """Of what ``draw_confusion`` draws of so many classes, in inches."""
    return max(5.5, 0.36 * classes) if classes <= _MOST_NUMBERS else 7.0


def draw_confusion(axes: Any, predictions: Predictions) -> None:
    """The confusion matrix, coloured by share of the actual class, into ``axes``; of very many
    classes the pairs that are confused most."""
    size = len(predictions.classes)
    table = curves.confusion(predictions)
    if size > _MOST_NUMBERS:
        _draw_pairs(axes, table, size)
        return
    share = table["share"].to_numpy().reshape(size, size)
    counts = table["count"].to_numpy().reshape(size, size)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    small = size > _MOST_CURVES
    for row, column in np.ndindex(size, size):
        if small and not counts[row, column]:
            continue
        colour = "white" if share[row, column] > 0.5 else "black"
        text = str(counts[row, column])
        if not small:
            text += f"\n{share[row, column]:.0%}"
        font = 7 if size > _MOST_NUMBERS // 2 else "small"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=font)
    names = [plain(name) for name in predictions.classes]
    font = 8 if small else 10
    axes.set_xticks(range(size), names, rotation=45, ha="right", fontsize=font)
    axes.set_yticks(range(size), names, fontsize=font)
    axes.set(xlabel="predicted class", ylabel="actual class")


def _draw_pairs(axes: Any, table: pd.DataFrame, size: int) -> None:
    wrong = table[(table["actual"] != table["predicted"]) & (table["count"] > 0)]
    pairs = wrong.sort_values("count", ascending=False, kind="stable").head(_MOST_PAIRS)[::-1]
    names = [
        f"{plain(a, 16)} → {plain(b, 16)}"
        for a, b in zip(pairs["actual"], pairs["predicted"], strict=True)
    ]
    axes.barh(range(len(pairs)), pairs["count"], color=COLOURS[0])
    axes.set_yticks(range(len(pairs)), names, fontsize=8)
    axes.set(xlabel=f"images; {len(pairs)} of {len(wrong)} confused pairs of {size} classes")


def _gallery(parts: list[pd.DataFrame], columns: int, show: Show, title: str) -> Figure:
    lines = [
        part.iloc[start : start + columns]
        for part in parts
        for start in range(0, len(part), columns)
    ]
    width, height = _CELL[0] * columns, _CELL[1] * len(lines) + _HEADING
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    # one panel measured in inches: with one for each picture, laying them out takes seconds
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    axes.text(width / 2, _HEADING / 2, title, fontsize="large", ha="center", va="center")
    for line, rows in enumerate(lines):
        for column, (_, row) in enumerate(rows.iterrows()):
            left, bottom = _CELL[0] * column + _MARGIN, _CELL[1] * (line + 1) + _HEADING - _MARGIN
            side = _CELL[0] - 2 * _MARGIN
            picture = show(row["sha256"])
            if picture is not None:
                extent = (left, left + side, bottom, bottom - side)
                axes.imshow(picture, extent=extent, aspect="auto")
            right = row["predicted"] == row["label"]
            # a sign beside the colour: red and green look the same to many
            caption = f"{'✓' if right else '✗'} {plain(row['label'])}"
            if not right:
                caption += f"\n→ {plain(row['predicted'])}"
            caption += f" {row['confidence']:.0%}"
            axes.text(
                left + side / 2, bottom - side - _MARGIN / 2, caption, fontsize=8,
                ha="center", va="bottom", color=COLOURS[2] if right else COLOURS[1],
            )  # fmt: skip
    return figure
