"""Predictions are those that were measured, in order, and a bad image is one of them."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from support.pictures import encoded, texture
from support.project import Project

from swatchbook.acquisition.candidate import Candidate, unread
from swatchbook.acquisition.kinds.folder import read_limited
from swatchbook.base.errors import ImageRefused
from swatchbook.bundle import model_file
from swatchbook.bundle.predictor import Predictor
from swatchbook.prediction import neighbours, predictions
from swatchbook.prediction.predictions import Wishes
from swatchbook.project import tables
from swatchbook.project.paths import MODEL


@pytest.fixture
def at_work(inside: Project) -> Predictor:
    return Predictor(model_file.read(MODEL), "auto", "openvino", [8], 2)


def candidates(paths: list[str]) -> Iterator[Candidate]:
    return (Candidate(path, "", "", "", partial(read_limited, Path(path))) for path in paths)


def test_they_are_those_of_evaluate(at_work: Predictor) -> None:
    measured = tables.PREDICTIONS.read()
    test = measured[measured["subset"] == tables.TEST].reset_index(drop=True)
    found = list(predictions.predictions(candidates(list(test["path"])), at_work, 2, Wishes(top=3)))
    assert [one.path for one in found] == list(test["path"])
    for one, row in zip(found, test.to_dict("records"), strict=True):
        assert (one.status, one.predicted, one.sha256) == ("ok", row["predicted"], row["sha256"])
        assert one.confidence == pytest.approx(row["confidence"], abs=1e-5)
        assert dict(one.top) == pytest.approx(
            {name: row[f"p_{name}"] for name in at_work.labels}, abs=1e-5
        )


def test_bad_images_stand_in_their_place(at_work: Predictor) -> None:
    def vanish() -> bytes:
        raise ImageRefused("vanished")

    good = encoded(texture(3))
    mixed = [
        Candidate("good", "", "", "", lambda: good),
        Candidate("html", "", "", "", lambda: b"<html>"),
        Candidate("escape", "", "", "escape", unread),
        Candidate("gone", "", "", "", vanish),
        Candidate("again", "", "", "", lambda: good),
    ]
    found = list(predictions.predictions(mixed * 9, at_work, 2, Wishes()))
    assert [one.path for one in found] == [item.name for item in mixed] * 9
    assert [one.reason for one in found[:5]] == ["", "not_image", "escape", "vanished", ""]
    assert {one.status for one in found[1:4]} == {"refused"}
    assert found[0].predicted == found[4].predicted != ""


def test_below_the_threshold_it_is_not_sure(at_work: Predictor) -> None:
    paths = sorted(str(path) for path in Path("data/images").rglob("*.png"))[:20]
    sure = list(predictions.predictions(candidates(paths), at_work, 2, Wishes()))
    middle = float(np.median([one.confidence for one in sure]))
    for one, other in zip(
        predictions.predictions(candidates(paths), at_work, 2, Wishes(2, middle)), sure, strict=True
    ):
        if other.confidence >= middle:
            assert (one.status, one.predicted) == ("ok", other.predicted)
        else:
            assert (one.status, one.predicted) == ("not_sure", "")
        assert one.confidence == other.confidence
        assert len(one.top) == 2


def test_evidence_comes_with_each(at_work: Predictor) -> None:
    known = neighbours.of_project(at_work.bundle)
    path = str(next(Path("data/images").rglob("*.png")))
    (one,) = predictions.predictions(candidates([path]), at_work, 1, Wishes(evidence=3), known)
    assert len(one.neighbours) == 3
    assert all(Path(near.path).is_file() for near in one.neighbours)


def test_no_more_is_read_than_can_be_worked_on(at_work: Predictor) -> None:
    read = 0

    def count() -> bytes:
        nonlocal read
        read += 1
        return encoded(texture(1))

    endless = (Candidate(str(n), "", "", "", count) for n in range(10**9))
    found = predictions.predictions(endless, at_work, 1, Wishes())
    for _ in range(20):
        next(found)
    assert read < 100
    found.close()  # type: ignore[attr-defined]
