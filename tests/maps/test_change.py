"""What two dates of the same tiles have in common, and what not."""

from dataclasses import replace

import numpy as np
import pytest

from swatchbook.base.errors import DataError
from swatchbook.maps import change
from swatchbook.maps.grid import Grid
from swatchbook.maps.layers import Layers

GRID = Grid("wkt", False, 1.0, 0, 0, 100, 100, 10, 2, 3)


def date(smoothed: list[list[int]], confidence: list[list[float]]) -> Layers:
    layer = np.array(smoothed, np.int16)
    sure = np.array(confidence, np.float32)
    return Layers(GRID, ["a", "b"], ["#0", "#1"], {}, layer, layer, sure, layer * 0 - 1, 0, 0, 2)


BEFORE = date([[0, 0, 1], [1, -1, 0]], [[0.9, 0.6, 0.9], [0.8, np.nan, 0.7]])
AFTER = date([[1, 1, 1], [0, 1, -1]], [[0.5, 0.9, 0.9], [0.7, 0.9, np.nan]])


def test_from_class_to_class() -> None:
    found = change.between(BEFORE, AFTER)
    assert found.matrix.tolist() == [[0, 2], [1, 1]]
    assert found.strata.tolist() == [[1, 1, 0], [1, -1, -1]]
    # that of which both dates are surest comes first
    assert found.tiles == [(1, 0), (0, 1), (0, 0)]


def test_a_class_of_the_land_cover_alone_keeps_no_dates_apart() -> None:
    more = replace(BEFORE, classes=["a", "b", "z"], colours=["#0", "#1", "#2"])
    found = change.between(more, AFTER)
    assert found.names == ["a", "b"]
    assert found.matrix.tolist() == [[0, 2], [1, 1]]


def test_other_tiles_or_classes_are_refused() -> None:
    with pytest.raises(DataError, match=r"tiles moved by 0\.50 pixels; cut the earlier rasters"):
        change.between(replace(BEFORE, grid=replace(GRID, left=50)), AFTER)
    with pytest.raises(DataError, match="was scored with other classes"):
        change.between(replace(BEFORE, classes=["a", "c"]), AFTER)
