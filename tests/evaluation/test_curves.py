"""Points of the plotted curves."""

import numpy as np
import pytest
from sklearn.metrics import auc
from support.predictions import CLASSES, predictions

from swatchbook.evaluation import curves, measures


def test_the_area_under_the_points_is_the_area_in_the_metrics() -> None:
    p = predictions(3000)
    points = curves.roc(p)
    assert points.groupby("class").size().max() <= 500
    metrics = measures.measure(p, 0.95, 100, 0)
    for name in CLASSES:
        part = points[points["class"] == name]
        assert abs(auc(part["fpr"], part["tpr"]) - metrics["per_class"][name]["roc_auc"]) < 0.002


def test_precision_recall_runs_from_left_to_right() -> None:
    points = curves.precision_recall(predictions())
    assert list(dict.fromkeys(points["class"])) == [*CLASSES, curves.MICRO]
    for _, part in points.groupby("class"):
        assert (np.diff(part["recall"]) >= 0).all()


def test_the_confusion_table_has_every_pair_of_classes() -> None:
    p = predictions(50)
    table = curves.confusion(
        measures.Predictions(p.truth, np.tile([1, 0, 0], (50, 1)), p.groups, CLASSES)
    )
    assert len(table) == 9
    assert table["count"].sum() == 50
    assert set(table.loc[table["predicted"] != "a", "count"]) == {0}
    assert (table[table["predicted"] == "a"]["share"] == 1).all()


def test_reliability_counts_every_image_once() -> None:
    bins = curves.reliability(predictions(300))
    assert bins["images"].sum() == 300
    assert bins["confidence"].is_monotonic_increasing


@pytest.mark.parametrize("least", [1, 5, 10, 1000])
def test_bins_of_few_images_join_and_none_is_lost(least: int) -> None:
    p = predictions(200)
    whole = curves.reliability(p)
    found = curves.reliability(p, least)
    assert found["images"].sum() == whole["images"].sum() == len(p.truth)
    assert len(found) == 1 or found["images"].min() >= least
    right = (found["images"] * found["accuracy"]).sum()
    assert right == pytest.approx((p.predicted == p.truth).sum())
    assert (found["low"] <= found["accuracy"]).all()
    assert (found["accuracy"] <= found["high"]).all()
    assert found["confidence"].is_monotonic_increasing
