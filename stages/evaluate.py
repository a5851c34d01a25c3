"""Measure the classifier on the test part: predictions, metrics with intervals, plots."""

import functools
import json
from pathlib import Path

import numpy as np
import pandas as pd

from swatchbook import (
    curves,
    evaluation,
    figures,
    files,
    models,
    params,
    plots,
    splitting,
    stage,
    store,
    tables,
)
from swatchbook.errors import DataError, ImageRefused, NetworkError

PLOTS = Path("plots/evaluate")
_THUMBNAIL = 192


def main() -> str:
    settings = params.load().evaluate
    predicted = _predictions()
    classes = [name.removeprefix("p_") for name in map(str, predicted) if name.startswith("p_")]
    tables.PREDICTIONS.write(predicted, tuple(f"p_{name}" for name in classes))
    test = predicted[predicted["subset"] == splitting.TEST]
    predictions = evaluation.predictions_of(test, classes)
    metrics = evaluation.measure(
        predictions, settings.confidence, settings.resamples, settings.seed
    )
    files.write_json(stage.metrics_path("evaluate"), metrics)

    figures.write_points(curves.roc(predictions), PLOTS / "roc.csv")
    figures.write_points(curves.precision_recall(predictions), PLOTS / "pr.csv")
    figures.write_points(curves.confusion(predictions), PLOTS / "confusion.csv")
    figures.write_points(curves.reliability(predictions), PLOTS / "reliability.csv")
    plots.roc_and_confusion(predictions, metrics, PLOTS / "roc_confusion.png")
    plots.precision_recall(predictions, metrics, PLOTS / "pr.png")
    plots.reliability(predictions, metrics, PLOTS / "reliability.png")
    show = functools.partial(_thumbnail, dict(zip(test["sha256"], test["path"], strict=True)))
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


def _predictions() -> pd.DataFrame:
    """Rows of ``tables.PREDICTIONS``: the test part, and the training part out of fold."""
    split = tables.SPLIT.read().set_index("sha256")
    known = tables.read_features()
    content, facts = models.load(models.CLASSIFIER, {"labels", *known.origin})
    for key, value in known.origin.items():
        if facts[key] != value:
            raise NetworkError(
                f"{models.CLASSIFIER}: trained on features of another {key} "
                f"({facts[key][:16]}, not {value[:16]}); `dvc repro` makes them agree"
            )
    classes: list[str] = json.loads(facts["labels"])
    names = [f"p_{name}" for name in classes]
    chosen = [
        number
        for number, sha256 in enumerate(known.sha256)
        if split["subset"].get(sha256) == splitting.TEST
    ]
    if not chosen:
        raise DataError("evaluate: no test image has features")
    found = models.probabilities(content, known.vectors[chosen])
    test = pd.DataFrame(found.astype(float), columns=names)
    test.insert(0, "sha256", [known.sha256[number] for number in chosen])
    held_out = tables.OUT_OF_FOLD.read()
    if list(held_out.columns) != ["sha256", *names]:
        raise DataError(f"{tables.OUT_OF_FOLD.path}: holds other classes than {models.CLASSIFIER}")
    rows = pd.concat([test, held_out], ignore_index=True)
    best = rows[names].to_numpy()
    rows["predicted"] = np.array(classes, dtype=object)[best.argmax(axis=1)]
    rows["confidence"] = best.max(axis=1)
    rows = rows.join(split[["path", "label", "group", "subset"]], on="sha256")
    return rows.sort_values(["subset", "sha256"], ignore_index=True)


def _thumbnail(paths: dict[str, str], sha256: str) -> np.ndarray | None:
    try:
        return store.pixels(sha256, Path(paths[sha256]), _THUMBNAIL, "pad")
    except ImageRefused:
        return None


if __name__ == "__main__":
    stage.run(main)
