"""Evidence: the training images that look most alike to the network."""

import numpy as np
import pytest
from support.project import Project

from swatchbook.base.errors import DataError
from swatchbook.bundle import model_file
from swatchbook.bundle.model_file import Bundle
from swatchbook.prediction import neighbours
from swatchbook.prediction.neighbours import Neighbours
from swatchbook.project import tables
from swatchbook.project.paths import MODEL


def test_the_nearest_come_first_whatever_their_length() -> None:
    vectors = np.array([[1, 0], [10, 10], [0, 1], [0, 0]], np.float32)
    rows = [(name, f"{name}.png", name.upper()) for name in "abcd"]
    (found,) = Neighbours(vectors, rows).nearest(np.array([[2, 1.9]], np.float32), 2)
    assert [(one.sha256, one.path, one.label) for one in found] == [
        ("b", "b.png", "B"),
        ("a", "a.png", "A"),
    ]
    assert found[0].similarity == pytest.approx(0.99967, abs=1e-5)
    assert len(Neighbours(vectors, rows).nearest(vectors, 9)[0]) == 4


def test_only_training_images_are_evidence(inside: Project) -> None:
    known = tables.read_features()
    split = tables.SPLIT.read().set_index("sha256")
    train = set(split.index[split["subset"] == tables.TRAIN])
    found = neighbours.of_project(model_file.read(MODEL))
    nearest = found.nearest(known.vectors, 5)
    assert {one.sha256 for row in nearest for one in row} <= train
    for sha256, row in zip(known.sha256, nearest, strict=True):
        if sha256 in train:
            assert (row[0].sha256, row[0].label) == (sha256, split["label"][sha256])
            assert row[0].similarity == pytest.approx(1)


def test_features_of_another_network_are_refused(inside: Project) -> None:
    found = model_file.read(MODEL)
    other = Bundle(found.content, {**found.metadata, "network": "0" * 64}, found.labels, [])
    with pytest.raises(DataError, match="made by another network than the model's"):
        neighbours.of_project(other)
