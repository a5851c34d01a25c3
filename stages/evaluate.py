"""Measure the classifier on the test part: predictions, metrics with intervals, plots."""

import functools
from pathlib import Path

import numpy as np

from swatchbook.base.errors import ImageRefused
from swatchbook.evaluation import curves, measures, plots, predicting
from swatchbook.evaluation.headlines import COLUMNS
from swatchbook.evaluation.parameters import Evaluate
from swatchbook.images import store
from swatchbook.images.frame import Frame
from swatchbook.project import params, stage, tables
from swatchbook.project.shared_keys import DeepLevels

PLOTS = Path("plots/evaluate")
_THUMBNAIL = 192


def main() -> str:
    settings = params.load(Evaluate)
    predicted = predicting.predictions(
        tables.read_features(), tables.SPLIT.read(), tables.OUT_OF_FOLD.read()
    )
    classes = tables.classes_of(predicted)
    tables.PREDICTIONS.write(predicted, tuple(tables.probability_columns(classes)))
    test = predicted[predicted["subset"] == tables.TEST]
    predictions = measures.predictions_of(test, classes)
    metrics = measures.measure(predictions, settings.confidence, settings.resamples, settings.seed)
    shown = {short: metrics[name] for name, short in COLUMNS.items()}
    stage.write_metrics("evaluate", {**shown, **metrics}, COLUMNS.values())

    tables.write_points(curves.roc(predictions), PLOTS / "roc.csv")
    tables.write_points(curves.precision_recall(predictions), PLOTS / "pr.csv")
    tables.write_points(curves.confusion(predictions), PLOTS / "confusion.csv")
    tables.write_points(curves.reliability(predictions), PLOTS / "reliability.csv")
    plots.roc_and_confusion(predictions, metrics, PLOTS / "roc_confusion.png")
    plots.precision_recall(predictions, metrics, PLOTS / "pr.png")
    plots.reliability(predictions, metrics, PLOTS / "reliability.png")
    frame = Frame(_THUMBNAIL, "pad", params.load(DeepLevels).pair)
    show = functools.partial(
        _thumbnail, dict(zip(test["sha256"], test["path"], strict=True)), frame
    )
    plots.worst_mistakes(test, show, PLOTS / "worst_mistakes.png")
    plots.examples(test, show, PLOTS / "examples.png")

    def with_interval(name: str) -> str:
        low, high = metrics["interval"][name].values()
        return f"{metrics[name]:.1%} ({low:.1%} to {high:.1%})"

    return (
        f"accuracy {with_interval('accuracy')}, "
        f"class average {with_interval('class_average_accuracy')} on {len(test)} test images "
        f"→ {stage.metrics_path('evaluate')}, {PLOTS}; compare: dvc metrics diff"
    )


def _thumbnail(paths: dict[str, str], frame: Frame, sha256: str) -> np.ndarray | None:
    try:
        return store.pixels(sha256, Path(paths[sha256]), frame)
    except ImageRefused:
        return None


if __name__ == "__main__":
    stage.run(main)
