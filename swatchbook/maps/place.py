"""What part of the earth is wanted: a box, or the polygons of a GeoJSON file (a county)."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from swatchbook.base.errors import DataError, first_line
from swatchbook.maps.grid import Grid
from swatchbook.maps.imagery import rasterio

# of GeoJSON that names no other (RFC 7946)
_LON_LAT = "EPSG:4326"


@dataclass(frozen=True)
class Place:
    """Polygons in a grid's coordinate system: rings ``(n, 2) float``, of which holes are some."""

    polygons: list[list[np.ndarray]]

    def has(self, x: float, y: float) -> bool:
        """Whether a point is in one: a ray from it crosses its rings an odd number of times."""
        return any(
            sum(_crossings(ring, x, y) for ring in rings) % 2 == 1 for rings in self.polygons
        )


def of_box(bounds: tuple[float, float, float, float]) -> Place:
    """Left, bottom, right and top, in the coordinates of the images."""
    left, bottom, right, top = bounds
    corners = [(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)]
    return Place([[np.array(corners, float)]])


def of_geojson(path: Path, grid: Grid) -> Place:
    """All polygons of a GeoJSON file.

    Raises:
        DataError: where it can't be read or holds none.
    """
    package = rasterio()
    ours = package.crs.CRS.from_wkt(grid.crs)

    def placed(ring: Any, theirs: Any) -> np.ndarray:
        points = np.array([point[:2] for point in ring], float)
        return np.column_stack(package.warp.transform(theirs, ours, points[:, 0], points[:, 1]))

    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        crs = content.get("crs", {}).get("properties", {}).get("name", _LON_LAT)
        theirs = package.crs.CRS.from_user_input(crs)
        found = [
            [placed(ring, theirs) for ring in rings]
            for geometry in _geometries(content) for rings in _polygons(geometry)
        ]  # fmt: skip
    except (
        OSError, ValueError, AttributeError, KeyError, TypeError, IndexError,
        package.errors.RasterioError, package.errors.CRSError,
    ) as error:  # fmt: skip
        raise DataError(
            f"--within: {path} is no GeoJSON: {first_line(error)}; is it whole?"
        ) from None
    if not found:
        raise DataError(f"--within: {path} holds no polygon; a county's border is one")
    return Place(found)


def _geometries(content: Any) -> list[Any]:
    match content["type"]:
        case "FeatureCollection":
            return [one for feature in content["features"] for one in _geometries(feature)]
        case "Feature":
            return _geometries(content["geometry"])
        case "GeometryCollection":
            return [one for part in content["geometries"] for one in _geometries(part)]
    return [content]


def _polygons(geometry: Any) -> list[Any]:
    match geometry["type"]:
        case "Polygon":
            return [geometry["coordinates"]]
        case "MultiPolygon":
            return list(geometry["coordinates"])
    return []


def _crossings(ring: np.ndarray, x: float, y: float) -> int:
    first, second = ring[:-1], ring[1:]
    across = (first[:, 1] > y) != (second[:, 1] > y)
    one, other = first[across], second[across]
    at = one[:, 0] + (y - one[:, 1]) / (other[:, 1] - one[:, 1]) * (other[:, 0] - one[:, 0])
    return int((at > x).sum())
