"""A sample for people: stratified, in an order that tells nothing, labelled in table or page."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from swatchbook.base.errors import DataError
from swatchbook.curation import acts_file
from swatchbook.maps import area, reference
from swatchbook.maps.grid import Grid
from swatchbook.maps.layers import Layers

GRID = Grid("wkt", False, 1.0, 0, 0, 100, 100, 10, 20, 30)
NAMES = ["a", "b"]


@pytest.fixture
def map_of() -> Layers:
    layer = (np.random.default_rng(0).random((20, 30)) < 0.1).astype(np.int16)
    sure = np.ones_like(layer, np.float32)
    return Layers(GRID, NAMES, ["#0", "#1"], {}, layer, layer, sure, 1 - layer, 0, 0, 2)


def pixels() -> Any:
    def around(row: int, column: int) -> np.ndarray:
        return np.full((12, 12, 3), (row * 30 + column) % 256, np.uint8)

    return SimpleNamespace(around=around)


def drawn(map_of: Layers, out: Path, known: bool = False) -> pd.DataFrame:
    labels = map_of.truth if known else None
    count = reference.draw(map_of, map_of.predicted, NAMES, 60, 1, [pixels()], out, labels)
    table = pd.read_csv(out / "sample.csv", keep_default_na=False)
    assert len(table) == count == 60
    return table


def test_it_is_stratified_and_in_a_random_order(map_of: Layers, tmp_path: Path) -> None:
    table = drawn(map_of, tmp_path / "one")
    sizes = np.bincount(map_of.predicted.ravel())
    wanted = dict(zip(NAMES, area.allotted(sizes, 60).tolist(), strict=True))
    assert table["stratum"].value_counts().to_dict() == wanted
    assert wanted["b"] >= 20
    assert set(table["stratum"][:20]) == {"a", "b"}
    assert (table["label"] == "").all()
    assert table["tile"].is_unique
    assert sorted(path.stem for path in (tmp_path / "one").glob("*.png")) == sorted(table["tile"])
    again = drawn(map_of, tmp_path / "two")
    assert again.equals(table)
    with pytest.raises(DataError, match="is there already"):
        drawn(map_of, tmp_path / "one")


def test_labels_of_a_table_and_of_the_browser(map_of: Layers, tmp_path: Path) -> None:
    folder = tmp_path / "s"
    table = drawn(map_of, folder)
    with pytest.raises(DataError, match=r"no tile of .* has a label"):
        reference.read(folder, map_of.predicted, NAMES, NAMES)
    table["label"] = table["stratum"]
    table.loc[:3, "label"] = ""
    table.to_csv(folder / "sample.csv", index=False)
    found = reference.read(folder, map_of.predicted, NAMES, NAMES)
    assert found.unlabelled == 4
    assert found.counts.sum() == 56 == np.trace(found.counts)
    # a page says otherwise, and puts one back
    path = folder / reference.BROWSED
    acts_file.append(path, {table["sha256"][10]: "b", table["sha256"][11]: "b"}, "", "me")
    acts_file.append(path, {table["sha256"][10]: "a", table["sha256"][0]: "a"}, "", "me")
    found = reference.read(folder, map_of.predicted, NAMES, NAMES)
    wanted = np.zeros((2, 2), int)
    labels = table["label"].copy()
    labels[10], labels[11], labels[0] = "a", "b", "a"
    for stratum, label in zip(table["stratum"], labels, strict=True):
        if label:
            wanted[NAMES.index(stratum), NAMES.index(label)] += 1
    assert (found.counts == wanted).all()


def test_both_dates_of_a_change_are_in_the_picture(map_of: Layers, tmp_path: Path) -> None:
    both = [pixels(), pixels()]
    reference.draw(map_of, map_of.predicted, NAMES, 4, 1, both, tmp_path / "s", None)
    for path in (tmp_path / "s").glob("*.png"):
        with Image.open(path) as picture:
            assert picture.size == (24, 12)


def test_what_is_known_is_filled_in(map_of: Layers, tmp_path: Path) -> None:
    table = drawn(map_of, tmp_path / "s", known=True)
    assert (table["label"] != table["stratum"]).all()  # truth is the other class everywhere


def test_a_sample_of_something_else_is_refused(map_of: Layers, tmp_path: Path) -> None:
    drawn(map_of, tmp_path / "s", known=True)
    with pytest.raises(DataError, match=r"'[ab]' of r[0-9c]+ is not of this map; known: stable"):
        reference.read(tmp_path / "s", map_of.predicted, ["stable", "changed"], NAMES)
    with pytest.raises(DataError, match="can't be read"):
        reference.read(tmp_path, map_of.predicted, NAMES, NAMES)
    # the map after another training: its strata are others
    other = 1 - map_of.predicted
    with pytest.raises(DataError, match=r"was '[ab]' when the sample was drawn, and is '[ab]'"):
        reference.read(tmp_path / "s", other, NAMES, NAMES)
    with pytest.raises(DataError, match="and is 'no tile' on this map"):
        reference.read(tmp_path / "s", map_of.predicted[:1, :1], NAMES, NAMES)
