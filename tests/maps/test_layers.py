"""Scores become layers: each tile at its place, what is unknown stays unknown."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from swatchbook.base.errors import DataError
from swatchbook.maps import grid as grids
from swatchbook.maps import layers
from swatchbook.maps.grid import Grid
from swatchbook.shards import chunks, manifest

GRID = Grid("wkt", False, 1.0, 0, 0, 100, 100, 10, 3, 4)  # tiles of a square kilometre
NAMES = ["a", "b"]


def scored(
    folder: Path, predicted: np.ndarray, true: np.ndarray, whole: bool = True, share: float = 1.0
) -> Path:
    """A folder of scores: -1 is refused, -2 no tile; truth -1 is unknown, 2 a class of its own."""
    places = [place for place in np.ndindex(3, 4) if predicted[place] > -2]
    labels = ["a", "b", "c", ""]
    rows = [
        {
            "path": grids.name(*place), "sha256": f"{n:064}", "bytes": 1, "shard": n // 5,
            "row": n % 5, "tile_row": place[0], "tile_column": place[1],
            "label": labels[true[place]],
        }
        for n, place in enumerate(places)
    ]  # fmt: skip
    facts = {"grid": GRID.facts, "classes": {"a": "#111111"}, "groups": {"a": "x", "c": "x"}}
    of = manifest.new(pd.DataFrame(rows), **facts)
    asked = {"what": "scores", "sample_frac": share, "seed": 0}
    run = chunks.begin(folder, of, asked)
    for shard in range(of.shards if whole else of.shards - 1):
        wanted = run.wanted(shard)
        numbers = [predicted[grids.place(path)] for path in wanted["path"]]
        sure = [[0.9, 0.1], [0.3, 0.7]]
        score = np.array([sure[number] if number >= 0 else [np.nan] * 2 for number in numbers])
        table = {
            "path": list(wanted["path"]), "sha256": list(wanted["sha256"]),
            "status": ["refused" if number < 0 else "ok" for number in numbers],
            "reason": ["corrupt" if number < 0 else "" for number in numbers],
            **{f"p_{name}": score[:, n].astype(np.float32) for n, name in enumerate(NAMES)},
        }  # fmt: skip
        run.commit(shard, pa.table(table))
    return folder


PREDICTED = np.array([[0, 0, 0, 1], [0, 1, 0, 1], [-2, 0, 1, -1]])
TRUE = np.array([[0, 0, 1, 1], [0, 0, 0, 1], [-1, 2, 1, -1]])


def test_each_tile_is_at_its_place(tmp_path: Path) -> None:
    found = layers.read(scored(tmp_path / "s", PREDICTED, TRUE))
    assert found.classes == ["a", "b", "c"]
    assert (found.predicted == np.maximum(PREDICTED, -1)).all()
    assert (found.truth == TRUE).all()
    assert found.confidence[0, 0] == pytest.approx(0.9)
    assert found.confidence[1, 1] == pytest.approx(0.7)
    assert np.isnan(found.confidence[2, 0])
    assert np.isnan(found.confidence[2, 3])
    assert found.smoothed[1, 1] == 0  # an island
    assert (found.refused, found.not_sure) == (1, 0)
    assert found.colours[0] == "#111111"
    assert found.areas(found.predicted).tolist() == [6.0, 4.0, 0.0]
    assert found.areas(found.truth, found.predicted >= 0).tolist() == [5.0, 4.0, 1.0]
    assert layers.accuracy(found.predicted, found.truth) == pytest.approx(0.7)
    assert layers.confusion(found.predicted, found.truth, 3).tolist() == [
        [4, 1, 1], [1, 3, 0], [0, 0, 0],
    ]  # fmt: skip


def test_classes_taken_together(tmp_path: Path) -> None:
    read = layers.read(scored(tmp_path / "s", PREDICTED, TRUE))
    found = layers.grouped(read, read.groups)
    assert found.classes == ["x", "b"]
    assert (read.known, found.known) == (2, 2)
    assert layers.accuracy(found.predicted, found.truth) == pytest.approx(0.8)
    assert found.truth[2, 0] == -1


def test_what_is_not_complete_is_no_map(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="1 of 11 tiles have no score; run the missing"):
        layers.read(scored(tmp_path / "s", PREDICTED, TRUE, whole=False))
    folder = scored(tmp_path / "t", PREDICTED, TRUE, share=0.999999)
    with pytest.raises(DataError, match="holds a sample of the tiles"):
        layers.read(folder)
