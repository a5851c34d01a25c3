"""Every tile's centre leads back to it; areas are those of the earth."""

import math

import numpy as np
import pytest

from swatchbook.base.errors import DataError
from swatchbook.maps import grid
from swatchbook.maps.grid import Grid

METRES = Grid("utm", False, 1.0, 300_000.5, 4_100_000.25, 30.0, 30.0, 8, 30, 40)
DEGREES = Grid("wgs84", True, 1.0, -75.0, -8.0, 0.0008, 0.0008, 5, 75, 139)


@pytest.mark.parametrize("of", [METRES, DEGREES])
def test_every_centre_leads_back_to_its_tile(of: Grid) -> None:
    count = 0
    for row, column, name in of.names():
        assert of.at(*of.centre(row, column)) == (row, column) == grid.place(name)
        count += 1
    assert count == of.rows * of.columns


def test_outside_is_nowhere() -> None:
    left, bottom, _, top = METRES.corners(METRES.rows - 1, 0)
    assert METRES.at(left + 1, bottom - 1) is None
    assert METRES.at(left - 1, top - 1) is None
    assert METRES.at(left + 1, METRES.top + 1) is None


def test_areas_of_tiles() -> None:
    assert METRES.areas() == pytest.approx(np.full(30, 0.24**2))
    feet = Grid("feet", False, 0.3048, 0, 0, 100, 100, 8, 2, 2)
    assert feet.areas() == pytest.approx(np.full(2, (800 * 0.3048 / 1000) ** 2))
    # a degree of latitude is 111.2 km on the sphere, one of longitude cos(latitude) of it
    side = 0.0008 * 5 * 111.195
    middle = DEGREES.centre(0, 0)[1]
    assert DEGREES.areas()[0] == pytest.approx(side**2 * math.cos(math.radians(middle)), rel=1e-4)
    assert DEGREES.areas()[0] > DEGREES.areas()[-1]  # southwards, away from the equator


def test_what_keeps_two_grids_apart() -> None:
    assert METRES.like(METRES) == ""
    assert Grid.of(METRES.facts).like(METRES) == ""
    moved = Grid(**{**METRES.facts, "left": METRES.left + 15})
    assert moved.like(METRES) == "tiles moved by 0.50 pixels"
    assert Grid(**{**METRES.facts, "side": 4}).like(METRES) == "another side"
    with pytest.raises(DataError, match="no name of a tile: one"):
        grid.place("r1c2")
    with pytest.raises(DataError, match="has no grid of tiles"):
        Grid.of({})
