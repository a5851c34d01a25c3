"""The confusion matrix is what one counts by hand."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.made_tables import write_tables
from swatchbook.browser.data import columns
from swatchbook.browser.results import mistakes
from swatchbook.evaluation import measures


def test_the_matrix_is_that_of_the_predictions() -> None:
    made = write_tables(400)
    frame = made["predictions"]
    for subset in ("test", "train"):
        part = frame[frame["subset"] == subset]
        found = mistakes.confusion(columns.load(), subset)
        wanted = pd.crosstab(part["label"], part["predicted"])
        assert found.classes == list(wanted.index)
        assert [row["counts"] for row in found.rows] == wanted.to_numpy().tolist()
        assert found.images == len(part)
        for row in found.rows:
            own = part["label"] == row["label"]
            assert row["support"] == own.sum()
            assert row["recall"] == pytest.approx((part["predicted"] == row["label"])[own].mean())
        counts = [count for _, _, count in found.pairs]
        assert counts == sorted(counts, reverse=True)
        assert sum(counts) == (part["label"] != part["predicted"]).sum() == len(part) - found.right


def test_of_many_classes_the_pairs_are_told() -> None:
    write_tables(3000, [f"class {number:03}" for number in range(120)])
    found = mistakes.confusion(columns.load(), "test")
    assert len(found.classes) > mistakes.MOST_CLASSES
    assert len(found.pairs) == 60
    label, predicted, count = found.pairs[0]
    assert label != predicted
    assert count >= found.pairs[-1][2] >= 1


def test_the_measures_are_those_of_evaluate() -> None:
    made = write_tables(500)
    part = made["predictions"].query("subset == 'test'")
    found = mistakes.confusion(columns.load(), "test")
    classes = found.classes
    predictions = measures.predictions_of(part, classes)
    assert found.right / found.images == pytest.approx(
        float((predictions.predicted == predictions.truth).mean())
    )


def test_without_predictions_there_is_nothing_to_decide() -> None:
    write_tables(30)
    frame = pd.read_csv("data/predictions.csv")
    frame.iloc[:0].to_csv("data/predictions.csv", index=False)
    c = columns.load()
    assert mistakes.confusion(c, "test").images == 0


def test_mending_mistakes_of_the_test_part_alone_is_told() -> None:
    write_tables(2000)
    c = columns.load()
    test = c.subset == 2
    wrong = np.flatnonzero(test & (c.predicted != c.given))
    right = np.flatnonzero(test & (c.predicted == c.given))
    acts = np.full(len(c), -1, np.int32)
    acts[wrong[:20]] = 0
    assert mistakes.one_sided(c, acts) == ""
    acts[wrong[:25]] = 0
    acts[right[:3]] = 1
    assert "25 were mistakes and 3 were right" in mistakes.one_sided(c, acts)
    acts[right[:25]] = 1
    assert mistakes.one_sided(c, acts) == ""
