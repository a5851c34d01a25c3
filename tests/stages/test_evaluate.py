"""The evaluate stage: predictions are the single source, and stale models are refused."""

import pandas as pd
import pytest
from support.project import Project

from swatchbook.project import stage, tables
from swatchbook.project.tables import Features

pytestmark = pytest.mark.pipeline


def test_the_metrics_follow_from_the_predictions(project: Project) -> None:
    rows = pd.read_csv(project.folder / "data/predictions.csv")
    test = rows[rows["subset"] == "test"]
    metrics = stage.metrics_of((project.folder / "metrics/evaluation.json").read_text())
    assert metrics["test_images"] == len(test)
    right = test["predicted"] == test["label"]
    assert metrics["accuracy"] == pytest.approx(right.mean(), abs=1e-6)
    recalls = right.groupby(test["label"]).mean()
    assert metrics["class_average_accuracy"] == pytest.approx(recalls.mean(), abs=1e-6)


def test_a_classifier_of_other_features_is_refused(project: Project) -> None:  # E12
    path = project.folder / "data/features.parquet"
    features = tables.read_features(path)
    origin = {**features.origin, "network": "0" * 64}
    tables.write_features(Features(features.sha256, features.vectors, origin), path)
    done = project.run("python", "-m", "stages.evaluate", ok=False)
    assert done.returncode == 2
    assert "trained on features of another network" in done.stderr
