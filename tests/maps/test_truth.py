"""A tile's class by land cover: by rules that are counted by hand here."""

from pathlib import Path

import numpy as np
import pytest
from support import rasters

from swatchbook.base.errors import DataError
from swatchbook.maps import truth
from swatchbook.maps.grid import Grid
from swatchbook.maps.imagery import Imagery
from swatchbook.maps.truth import Rule


@pytest.fixture
def grid(tmp_path: Path) -> Grid:
    pixels = np.full((3, 40, 40), 100, np.uint8)
    with Imagery([rasters.write(tmp_path / "image.tif", pixels)], (1, 2, 3), None) as imagery:
        return imagery.grid(20)  # four tiles of 200 m


@pytest.fixture
def classes(tmp_path: Path) -> truth.Classes:
    (tmp_path / "classes.csv").write_text(rasters.TABLE)
    return truth.classes_of(tmp_path / "classes.csv")


def codes(*rows: str) -> np.ndarray:
    """Of 50 m a pixel: R, G, B and x for a code that has no class."""
    table = {"R": 21, "G": 41, "B": 11, "x": 99}
    return np.array([[table[letter] for letter in row] for row in rows], np.uint8)[None]


# upper left all red; upper right 9 green of 16; lower left 9 known; lower right 13 blue
COVER = codes(
    "RRRRGGGR", "RRRRGGGR", "RRRRGGGR", "RRRRRRRR", "xxxxBBBB", "xxxGBBBB", "BBGGBBBB", "BGGGBGGG"
)


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("nine", [["red", ""], ["", ""]]),
        ("plurality", [["red", "green"], ["green", "blue"]]),
        ("share:0.8", [["red", ""], ["", "blue"]]),
        ("share:0.82", [["red", ""], ["", ""]]),
    ],
)
def test_rules(
    rule: str, wanted: list[list[str]], grid: Grid, classes: truth.Classes, tmp_path: Path
) -> None:
    path = rasters.write(tmp_path / "cover.tif", COVER, size=50.0)
    assert list(truth.labels(grid, path, "", classes, Rule.of(rule))) == wanted


def test_land_cover_in_another_system_and_grid(
    grid: Grid, classes: truth.Classes, tmp_path: Path
) -> None:
    from rasterio.warp import calculate_default_transform, reproject

    here = rasters.write(tmp_path / "cover.tif", COVER, size=50.0)
    import rasterio

    with rasterio.open(here) as file:
        transform, width, height = calculate_default_transform(
            file.crs, "EPSG:4326", file.width, file.height, *file.bounds, resolution=0.0001
        )
        found = np.full((1, height, width), 99, np.uint8)
        reproject(
            file.read(1), found[0], src_transform=file.transform, src_crs=file.crs,
            dst_transform=transform, dst_crs="EPSG:4326", dst_nodata=99,
        )  # fmt: skip
    there = tmp_path / "there.tif"
    with rasterio.open(
        there, "w", driver="GTiff", count=1, height=height, width=width, dtype="uint8",
        crs="EPSG:4326", transform=transform,
    ) as file:  # fmt: skip
        file.write(found)
    rule = Rule.of("plurality")
    assert list(truth.labels(grid, there, "", classes, rule)) == [
        ["red", "green"],
        ["green", "blue"],
    ]
    # named wrong: it lies elsewhere; put right by hand
    with pytest.raises(DataError, match="lies elsewhere than the images"):
        list(truth.labels(grid, here, "EPSG:32633", classes, rule))
    with pytest.raises(DataError, match="'EPSG:no' is not known"):
        list(truth.labels(grid, here, "EPSG:no", classes, rule))
    bare = rasters.write(tmp_path / "bare.tif", COVER, size=50.0, crs=None)
    with pytest.raises(DataError, match="says not where it is"):
        list(truth.labels(grid, bare, "", classes, rule))
    assert next(truth.labels(grid, bare, rasters.UTM, classes, rule)) == ["red", "green"]
    for wrong in ("EPSG:no", "EPSG:999999"):
        with pytest.raises(DataError, match="is not known"):
            truth.datum_note(here, wrong, grid)
    with pytest.raises(DataError, match="says not where it is"):
        truth.datum_note(bare, "", grid)
    assert truth.datum_note(here, "", grid) == ""
    assert "is in the datum North_American" in truth.datum_note(here, "EPSG:26912", grid)


@pytest.mark.parametrize(
    ("kind", "value", "nodata"),
    [
        ("int16", -9999, None),
        ("uint8", 255, 255),
        ("float32", np.nan, None),
        ("int32", 70_000, None),
    ],
)
def test_no_data_is_no_class(
    kind: str, value: float, nodata: float | None, grid: Grid, tmp_path: Path
) -> None:
    (tmp_path / "classes.csv").write_text("code,class\n0,other\n21,red\n65535,last\n255,x\n")
    cover = np.full((1, 8, 8), 21).astype(kind)
    cover[:, :4, :4] = value
    path = rasters.write(tmp_path / "cover.tif", cover, size=50.0, nodata=nodata)
    classes = truth.classes_of(tmp_path / "classes.csv")
    found = list(truth.labels(grid, path, "", classes, Rule.of("plurality")))
    assert found == [["", "red"], ["red", "red"]]


@pytest.mark.parametrize("text", ["ten", "share", "share:0", "share:2", "share:x", ""])
def test_rules_that_are_none(text: str) -> None:
    with pytest.raises(DataError, match="is not one of nine, plurality"):
        Rule.of(text)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("code,class\n", "has no rows"),
        ("code,class\nx,red\n", "line 2: a whole number `code`"),
        ("code,class\n1,red\n1,blue\n", "line 3: code 1 is 'red' already"),
        ("code,class,colour\n1,red,crimson\n", "'crimson' is no colour"),
        ("kind\n1\n", "line 2: a whole number `code`"),
        ("code,class\n70000,red\n", "of at most 65535"),
        ("code,class\n1,Pasture/Hay\n", "'Pasture/Hay' can't be the name of a folder"),
    ],
)
def test_tables_of_classes_that_are_none(table: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(table)
    with pytest.raises(DataError, match=says):
        truth.classes_of(tmp_path / "c.csv")


def test_classes_and_their_colours(classes: truth.Classes) -> None:
    assert classes.names == ["red", "green", "blue"]
    assert classes.groups == {"red": "warm", "green": "cold", "blue": "cold"}
    shown = truth.colours_of(["green", "new", "other"], {"green": "#00aa00"})
    assert shown[0] == "#00aa00"
    assert len(set(shown)) == 3
