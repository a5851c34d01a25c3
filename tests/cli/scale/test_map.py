"""From rasters to a map, by the docs' commands: tiles, scores, a sample, areas, change, a page."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
from click.testing import CliRunner, Result
from PIL import Image
from support import rasters

from swatchbook.base.errors import DataError
from swatchbook.cli import swatchbook

ROWS, COLUMNS, SIDE = 12, 15, 48
pytestmark = pytest.mark.usefixtures("inside")


def run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(swatchbook, [str(one) for one in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def refused(*arguments: object) -> str:
    with pytest.raises(DataError) as error:
        CliRunner().invoke(swatchbook, [str(a) for a in arguments], catch_exceptions=False)
    return str(error.value)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Two dates of a place, the second with a block that has become another class; land cover."""
    before = rasters.truth(ROWS, COLUMNS)
    after = before.copy()
    after[3:6, 6:9] = (after[3:6, 6:9] + 1) % 3
    rasters.write(tmp_path / "2010.tif", rasters.photograph(before, SIDE))
    # a third of a pixel beside the first, as dates are
    rasters.write(tmp_path / "2016.tif", rasters.photograph(after, SIDE), left=300_003.0)
    rasters.write(tmp_path / "cover.tif", rasters.land_cover(before), size=10.0 * SIDE / 4)
    (tmp_path / "classes.csv").write_text(rasters.TABLE)
    return tmp_path


def score(place: Path, year: str, *options: object) -> Path:
    run("tiles", place / f"{year}.tif", "--tile", SIDE, "--out", place / f"shards{year}", *options)
    run("predict", place / f"shards{year}", "--out", place / f"scored{year}")
    return place / f"scored{year}"


def labels(place: Path) -> tuple[object, ...]:
    return ("--labels", place / "cover.tif", "--classes", place / "classes.csv")


def test_from_rasters_to_a_map_with_areas(place: Path) -> None:
    scored = score(place, "2010", *labels(place), "--rule", "plurality")
    shards, out, sample = place / "shards2010", place / "map", place / "sample"
    run("map", "sample", scored, "--shards", shards, "--known", "--n", 90, "--out", sample)
    said = run("map", scored, "--shards", shards, "--reference", sample, "--out", out).output
    assert "map: 180 tiles (0 not sure, 0 refused)" in said
    assert "of 180 tiles with a known class: " in said
    assert "accuracy of the map, by the sample: " in said
    areas = pd.read_csv(out / "areas.csv").set_index("class")
    true = rasters.truth(ROWS, COLUMNS)
    each = (SIDE * 10 / 1000) ** 2
    for number, name in enumerate(rasters.CLASSES):
        assert areas.loc[name, "true_km2"] == pytest.approx((true == number).sum() * each, abs=1e-3)
        assert areas.loc[name, "mapped_km2"] == pytest.approx(
            areas.loc[name, "tiles"] * each, abs=1e-3
        )
    assert areas["adjusted_km2"].sum() == pytest.approx(180 * each, abs=0.01)
    few = areas["sampled"] < 25
    assert areas["margin_km2"].isna().equals(few)
    with Image.open(out / "map.png") as picture:
        assert picture.width > 1000
    with rasterio.open(out / "predicted.tif") as file:
        assert file.crs.to_epsg() == 32612
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.nodata == 255
        colours = {"red": (204, 0, 0), "green": (0, 170, 0), "blue": (0, 0, 204)}
        assert file.colormap(1)[0][:3] == colours[file.tags()["class_0"]]
        assert file.descriptions == ("predicted",)
        assert file.transform.a == SIDE * 10
        names = [file.tags()[f"class_{number}"] for number in range(3)]
        layer = file.read(1)
    counts = {name: int((layer == number).sum()) for number, name in enumerate(names)}
    assert counts == areas["tiles"].to_dict()
    polygons = json.loads((out / "classes.geojson").read_text())["features"]
    total = sum(one["properties"]["km2"] for one in polygons)
    assert total == pytest.approx(180 * each, abs=0.01)
    for one in polygons:
        longitude, latitude = one["geometry"]["coordinates"][0][0]
        assert -114 < longitude < -113
        assert 36 < latitude < 38
    page = (out / "map.html").read_text()
    assert len(page) < 2_000_000
    assert "default-src 'none'" in page
    grouped = run("map", scored, "--groups", "--out", place / "grouped").output
    assert "warm" in grouped
    assert "cold" in grouped


def test_change_between_two_dates(place: Path) -> None:
    earlier = score(place, "2010", *labels(place), "--rule", "plurality")
    later = score(place, "2016", "--grid", place / "shards2010")
    shards = (place / "shards2016", place / "shards2010")
    out = place / "change"
    said = run(
        "map", later, "--shards", shards[0], "--before", earlier, "--before-shards", shards[1],
        "--out", out,
    ).output  # fmt: skip
    assert "tiles have another class (smoothed): " in said
    assert "nobody knows how much of that is light, season and error" in said
    changed = pd.read_csv(out / "changed_tiles.csv")
    inside = {f"r{row:05}c{column:05}" for row in range(3, 6) for column in range(6, 9)}
    assert len(inside & set(changed["tile"])) >= 3
    matrix = pd.read_csv(out / "change.csv", index_col=0)
    assert matrix.to_numpy().sum() == pytest.approx(180 * 0.48**2, abs=0.01)
    assert (out / "changed_tiles.png").is_file()
    sample = place / "sample"
    run(
        "map",
        "sample",
        later,
        "--shards",
        shards[0],
        "--before",
        earlier,
        "--n",
        60,
        "--out",
        sample,
    )
    table = pd.read_csv(sample / "sample.csv", keep_default_na=False)
    truly = np.isin(table["tile"], list(inside))
    table["label"] = np.where(truly, "changed", "stable")
    table.to_csv(sample / "sample.csv", index=False)
    said = run(
        "map", later, "--before", earlier, "--reference", sample, "--out", place / "judged"
    ).output
    assert "changed, by the reference sample: " in said
    # of so few changed tiles nobody can say how many there are
    assert f"too few changed tiles in the sample: {truly.sum()} < 25" in said
    # nobody looked at any tile that was drawn as stable
    table.loc[table["stratum"] == "stable", "label"] = ""
    table.to_csv(sample / "sample.csv", index=False)
    said = run(
        "map", later, "--before", earlier, "--reference", sample, "--out", place / "half"
    ).output
    assert "no interval: label at least two tiles of those drawn as stable, and as changed" in said


def test_tiles_that_are_known_can_be_trained_on(place: Path) -> None:
    said = run(
        "tiles", place / "2010.tif", "--tile", SIDE, "--out", place / "shards", *labels(place),
        "--images", place / "images", "--bounds", "300000,4094240,303360,4100000",
    ).output  # fmt: skip
    assert "tiles: 180 places (12 × 15) = 84 tiles + 96 dropped (96 outside)" in said
    assert "84 images in class folders" in said
    said = run("init", "place", "--from", place / "images").output
    assert "3 classes, 84 files" in said


def test_bad_input_is_one_line(place: Path) -> None:
    scored = score(place, "2010")
    shards = place / "shards2010"
    assert "is there already" in refused(
        "tiles", place / "2010.tif", "--tile", SIDE, "--out", shards
    )
    assert "--tile: 24, and the tiles of" in refused(
        "tiles", place / "2016.tif", "--tile", 24, "--grid", shards, "--out", place / "x"
    )
    rasters.write(place / "finer.tif", rasters.photograph(rasters.truth(3, 3), SIDE), size=5.0)
    assert "--grid: pixels of another size (5, not 10)" in refused(
        "tiles", place / "finer.tif", "--tile", SIDE, "--grid", shards, "--out", place / "x"
    )
    rasters.write(
        place / "zone.tif", rasters.photograph(rasters.truth(3, 3), SIDE), crs="EPSG:32613"
    )
    assert "--grid: another coordinate system" in refused(
        "tiles", place / "zone.tif", "--tile", SIDE, "--grid", shards, "--out", place / "x"
    )
    assert "has no grid of tiles" in refused("map", place_of_files(place), "--out", place / "m")
    other = score(place, "2016")
    assert "--before: tiles moved by 0.30 pixels" in refused(
        "map", other, "--before", scored, "--out", place / "m"
    )
    assert "--shards: tiles moved by" in refused(
        "map", "sample", other, "--shards", shards, "--out", place / "s"
    )
    assert not (place / "m").exists()
    assert not (place / "s").exists()


def place_of_files(place: Path) -> Path:
    """Scores of images that are no tiles."""
    folder = place / "photos"
    folder.mkdir()
    Image.fromarray(rasters.photograph(rasters.truth(1, 1)).transpose(1, 2, 0)).save(
        folder / "a.png"
    )
    run("pack", folder, "--out", place / "packed")
    run("predict", place / "packed", "--out", place / "plain")
    return place / "plain"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["tiles", "a.tif", "--tile", "8", "--out", "x", "--labels", "b.tif"], "give both of them"),
        (["tiles", "a.tif", "--tile", "8", "--out", "x", "--images", "y"], "give --labels"),
        (
            ["tiles", "a.tif", "--tile", "8", "--out", "x", "--bounds", "1,2"],
            "4 numbers with commas",
        ),
        (["tiles", "a.tif", "--tile", "2", "--out", "x"], "--tile"),
        (["map", "s", "--out", "x", "--before-shards", "y"], "give --before as well"),
    ],
)
def test_wrong_use_is_said(arguments: list[str], says: str) -> None:
    result = CliRunner().invoke(swatchbook, arguments)
    assert result.exit_code == 2
    assert says in " ".join(result.output.split())
