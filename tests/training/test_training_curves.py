"""The curves of a training run."""

from pathlib import Path

import pandas as pd
from PIL import Image

from swatchbook.project import tables
from swatchbook.training import training_curves

ROW = {
    "epoch": 1, "rate": 0.01, "training_loss": 1.5, "training_error": 0.5,
    "validation_loss": 1.2, "validation_error": 0.4, "validation_class_average_error": 0.45,
}  # fmt: skip


def test_a_run_is_a_table_for_dvc_and_a_picture() -> None:
    history = [ROW, {**ROW, "epoch": 2, "validation_error": 0.3, "rate": 0.001}]
    training_curves.write(history, 2, Path("plots"))
    table = pd.read_csv("plots/training.csv")
    assert list(table.columns) == list(tables.TRAINING_CURVES.columns)
    assert table["validation_error"].tolist() == [0.4, 0.3]
    with Image.open("plots/training.png") as picture:
        assert min(picture.size) > 500


def test_a_fixed_network_has_an_empty_table_and_a_picture_that_says_so() -> None:
    training_curves.write([], 0, Path("plots"))
    assert Path("plots/training.csv").read_text() == ",".join(tables.TRAINING_CURVES.columns) + "\n"
    assert Path("plots/training.png").is_file()


def test_the_same_run_gives_the_same_bytes() -> None:
    for folder in ("one", "two"):
        training_curves.write([ROW], 1, Path(folder))
    for name in ("training.csv", "training.png"):
        assert Path("one", name).read_bytes() == Path("two", name).read_bytes()
