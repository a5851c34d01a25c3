"""The train_classifier stage: what it writes, and a class that lost its features."""

import pandas as pd
import pytest
from support.project import Project

from swatchbook.project import tables
from swatchbook.project.tables import Features

pytestmark = pytest.mark.pipeline


def test_every_training_image_has_a_prediction_by_a_classifier_that_did_not_see_it(
    project: Project,
) -> None:
    held_out = pd.read_csv(project.folder / "data/out_of_fold.csv")
    split = pd.read_csv(project.folder / "data/split.csv")
    assert set(held_out["sha256"]) == set(split.loc[split["subset"] == "train", "sha256"])
    assert (held_out.filter(like="p_").sum(axis=1) - 1).abs().max() < 1e-6


def test_a_class_without_features_is_one_line_and_leaves_the_model_alone(project: Project) -> None:
    before = project.bytes("models/classifier.onnx")
    path = project.folder / "data/features.parquet"
    features = tables.read_features(path)
    labels = pd.read_csv(project.folder / "data/split.csv").set_index("sha256")["label"]
    rows = [n for n, sha256 in enumerate(features.sha256) if labels[sha256] != "blue"]
    remaining = [features.sha256[n] for n in rows]
    tables.write_features(Features(remaining, features.vectors[rows], features.origin), path)
    done = project.run("python", "-m", "stages.train_classifier", ok=False)
    assert done.returncode == 2
    assert "class 'blue' has features in fewer than two folds" in done.stderr
    assert project.bytes("models/classifier.onnx") == before
