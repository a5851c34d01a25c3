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
# more curves than this can't be told apart: the worst classes are drawn
_MOST_CURVES = 8
_MOST_NUMBERS = 16
_MOST_GALLERY_CLASSES = 12
# of a gallery, in inches: a picture with its caption, what is around it, and the title above all
_CELL, _MARGIN, _HEADING = (1.9, 2.3), 0.1, 0.4

Show = Callable[[str], "np.ndarray | None"]


def roc_and_confusion(predictions: Predictions, metrics: dict[str, Any], path: Path) -> None:
    """ROC curves with their areas beside the confusion matrix."""
    figure, (left, right) = blank(2, 12, 5.5)
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
    bins = curves.reliability(predictions)
    upper.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, label="perfectly calibrated")
    upper.plot(bins["confidence"], bins["accuracy"], "o-", color=COLOURS[0], label="test images")
    upper.set(ylabel="accuracy", ylim=(0, 1.02), xlim=(0, 1))
    upper.set_title(f"Expected calibration error {metrics['expected_calibration_error']:.3f}")
    upper.legend(loc="upper left")
    lower.bar(bins["confidence"], bins["images"], width=0.04, color=COLOURS[0])
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
    classes = sorted(set(rows["label"]))[:_MOST_GALLERY_CLASSES]
    parts = [rows[rows["label"] == name].sort_values("sha256").head(per_class) for name in classes]
    save(_gallery(parts, per_class, show, "Test images of each class"), path)


def _curves(
    axes: Any, points: pd.DataFrame, x: str, y: str, areas: dict[str, Any], unit: str
) -> None:
    names = [name for name in dict.fromkeys(points["class"]) if name != curves.MICRO]
    worst = sorted(names, key=lambda name: areas[name])[:_MOST_CURVES]
    if len(names) > _MOST_CURVES:
        axes.plot([], [], " ", label=f"the {_MOST_CURVES} worst of {len(names)} classes")
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


def draw_confusion(axes: Any, predictions: Predictions) -> None:
    """The confusion matrix, coloured by share of the actual class, into ``axes``."""
    size = len(predictions.classes)
    table = curves.confusion(predictions)
    share = table["share"].to_numpy().reshape(size, size)
    counts = table["count"].to_numpy().reshape(size, size)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    if size <= _MOST_NUMBERS:
        for row, column in np.ndindex(size, size):
            colour = "white" if share[row, column] > 0.5 else "black"
            text = (
                f"{counts[row, column]}\n{share[row, column]:.0%}"
                if size <= 8
                else str(counts[row, column])
            )
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize="small")
    names = [plain(name) for name in predictions.classes]
    font = max(4, min(10, 200 // size))
    axes.set_xticks(range(size), names, rotation=45, ha="right", fontsize=font)
    axes.set_yticks(range(size), names, fontsize=font)
    axes.set(xlabel="predicted class", ylabel="actual class")


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
