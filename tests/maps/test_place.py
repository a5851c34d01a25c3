"""Inside is inside: boxes, polygons with holes, counties in degrees."""

import json
from pathlib import Path

import numpy as np
import pytest
from rasterio.crs import CRS
from rasterio.warp import transform
from support import rasters

from swatchbook.base.errors import DataError
from swatchbook.maps import place
from swatchbook.maps.grid import Grid

GRID = Grid(CRS.from_user_input(rasters.UTM).to_wkt(), False, 1.0, 3e5, 4.1e6, 10, 10, 10, 20, 20)


def ring(left: float, bottom: float, right: float, top: float, crs: str = "EPSG:4326") -> list:
    x, y = [left, right, right, left, left], [bottom, bottom, top, top, bottom]
    across, down = transform(rasters.UTM, crs, x, y)
    return [list(point) for point in zip(across, down, strict=True)]


def test_a_box() -> None:
    box = place.of_box((0, 0, 10, 5))
    assert box.has(9.9, 0.1)
    assert not box.has(10.1, 0.1)
    assert not box.has(5, 5.1)


def test_polygons_with_holes_in_degrees(tmp_path: Path) -> None:
    polygon = [ring(3e5, 4_099_000, 301_000, 4.1e6), ring(300_400, 4_099_400, 300_600, 4_099_600)]
    other = [ring(301_500, 4_099_000, 302_000, 4_099_500)]
    inner = [ring(301_600, 4_099_100, 301_800, 4_099_300)]  # of another feature: inside is inside
    path = tmp_path / "county.geojson"
    path.write_text(
        json.dumps(
            {
                "type": "FeatureCollection",
                "features": [
                    {
                        "type": "Feature", "properties": {},
                        "geometry": {
                            "type": "MultiPolygon", "coordinates": [polygon, other, inner],
                        },
                    }
                ],
            }
        )
    )  # fmt: skip
    county = place.of_geojson(path, GRID)
    wanted = np.zeros((20, 20), bool)
    wanted[:10, :10] = True
    wanted[4:6, 4:6] = False
    wanted[5:10, 15:20] = True
    found = np.array(
        [[county.has(*GRID.centre(row, column)) for column in range(20)] for row in range(20)]
    )
    assert (found == wanted).all()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is no GeoJSON"),
        ("[]", "is no GeoJSON"),
        ('{"type": "Point", "coordinates": [1, 2]}', "holds no polygon"),
        ('{"type": "Polygon", "coordinates": [[["x", "y"]]]}', "is no GeoJSON"),
        ('{"crs": {"properties": {"name": "EPSG:999999"}}, "type": "Polygon"}', "is no GeoJSON"),
    ],
)
def test_what_is_none(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "a.geojson").write_text(text)
    with pytest.raises(DataError, match=says):
        place.of_geojson(tmp_path / "a.geojson", GRID)
