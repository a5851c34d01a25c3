"""Pictures are drawn for every shape of result, and the same one twice is the same bytes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from support.predictions import predictions

from swatchbook.evaluation import measures, plots
from swatchbook.evaluation.measures import Predictions


def rows(p: Predictions) -> pd.DataFrame:
    names = np.array(p.classes, dtype=object)
    return pd.DataFrame({
        "sha256": [f"{n:064}" for n in range(len(p.truth))], "label": names[p.truth],
        "predicted": names[p.predicted], "confidence": p.probabilities.max(axis=1),
    })  # fmt: skip


def show(_: str) -> np.ndarray:
    return np.full((20, 20, 3), 99, np.uint8)


def draw_all(p: Predictions, folder: Path) -> None:
    metrics = measures.measure(p, 0.95, 100, 0)
    plots.roc_and_confusion(p, metrics, folder / "roc.png")
    plots.precision_recall(p, metrics, folder / "pr.png")
    plots.reliability(p, metrics, folder / "reliability.png")
    plots.worst_mistakes(rows(p), show, folder / "worst.png")
    plots.examples(rows(p), lambda sha256: None, folder / "examples.png")


@pytest.mark.parametrize(
    "names",
    [["$x$", "<b>\n", "🦊 long" * 9], [f"c{n}" for n in range(17)], [f"c{n}" for n in range(40)]],
)
def test_odd_names_and_many_classes_are_drawn(names: list[str]) -> None:  # B07 B09
    random = np.random.default_rng(0)
    truth = np.arange(160) % len(names)
    scores = random.random((160, len(names))) + 0.5 * np.eye(len(names))[truth]
    p = Predictions(truth, scores / scores.sum(axis=1, keepdims=True), np.arange(160), names)
    draw_all(p, Path("plots"))
    for path in Path("plots").iterdir():
        with Image.open(path) as picture:
            assert min(picture.size) > 200, path.name


def test_a_perfect_result_is_drawn() -> None:
    p = predictions(30)
    draw_all(Predictions(p.truth, np.eye(3)[p.truth], p.groups, p.classes), Path("plots"))


def test_the_same_result_is_the_same_picture() -> None:
    for folder in ("one", "two"):
        draw_all(predictions(60), Path(folder))
    for path in Path("one").iterdir():
        assert path.read_bytes() == (Path("two") / path.name).read_bytes(), path.name
