"""A map for other programs: GeoTIFF in the grid's coordinates, GeoJSON in degrees."""

import json
from pathlib import Path

import numpy as np

from swatchbook.base import files
from swatchbook.maps.grid import Grid
from swatchbook.maps.imagery import rasterio
from swatchbook.maps.layers import Layers

# no class
NO_DATA = 255


def write_classes(layers: Layers, folder: Path) -> list[str]:
    """Cloud-optimised GeoTIFFs ``predicted``, ``smoothed`` and, where known, ``truth``, with the
    colours of classes and their names as tags; which were written. More than 255 classes need 16
    bits, and have no colours."""
    bands = {"predicted": layers.predicted, "smoothed": layers.smoothed}
    if layers.has_truth:
        bands["truth"] = layers.truth
    wide = len(layers.classes) > NO_DATA
    none = 65_535 if wide else NO_DATA
    names = {f"class_{number}": name for number, name in enumerate(layers.classes)}
    table = {n: (*rgb(colour), 255) for n, colour in enumerate(layers.colours)}
    for name, layer in bands.items():
        values = np.where(layer < 0, none, layer).astype(np.uint16 if wide else np.uint8)
        colours = None if wide else table
        _write(layers.grid, name, values, none, folder / f"{name}.tif", names, colours)
    return list(bands)


def write_confidence(layers: Layers, path: Path) -> None:
    """A cloud-optimised GeoTIFF of the highest probability of each tile."""
    _write(layers.grid, "confidence", layers.confidence, float("nan"), path, {}, None)


def write_polygons(layers: Layers, path: Path) -> int:
    """GeoJSON (RFC 7946): neighbouring tiles of one smoothed class are one polygon; how many."""
    package = rasterio()
    grid, features = layers.grid, []
    crs = package.crs.CRS.from_wkt(grid.crs)
    transform = package.transform.Affine(*grid.transform)
    each = np.broadcast_to(grid.areas()[:, None], layers.smoothed.shape)
    parts = _connected(layers.smoothed)
    tiles, areas = np.bincount(parts.ravel()), np.bincount(parts.ravel(), each.ravel())
    classes = np.zeros(len(tiles), int)
    classes[parts] = layers.smoothed
    shapes = list(package.features.shapes(parts, mask=parts > 0, transform=transform))
    rings = [ring for shape, _ in shapes for ring in shape["coordinates"]]
    # all corners at once: a call for each polygon would take minutes
    corners = np.array([point for ring in rings for point in ring], float).reshape(-1, 2)
    turned = package.warp.transform(crs, "EPSG:4326", corners[:, 0], corners[:, 1])
    degrees = iter(np.round(np.column_stack(turned), 7).tolist())
    for shape, value in shapes:
        part = int(value)
        number = int(classes[part])
        features.append(
            {
                "type": "Feature",
                "geometry": {
                    "type": "Polygon",
                    "coordinates": [[next(degrees) for _ in ring] for ring in shape["coordinates"]],
                },
                "properties": {
                    "class": layers.classes[number],
                    "colour": layers.colours[number],
                    "tiles": int(tiles[part]),
                    "km2": round(float(areas[part]), 4),
                },
            }
        )
    text = json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)
    files.write_bytes(path, text.encode())
    return len(features)


def _connected(layer: np.ndarray) -> np.ndarray:
    """A number from 1 for each patch of one class whose tiles share edges; 0: no class."""
    from scipy.ndimage import label

    parts = np.zeros(layer.shape, np.int32)
    count = 0
    for number in np.unique(layer[layer >= 0]).tolist():
        own, more = label(layer == number)
        parts = np.where(own > 0, own + count, parts).astype(np.int32)
        count += more
    return parts


def warped(
    grid: Grid, layer: np.ndarray, finer: int = 2
) -> tuple[np.ndarray, tuple[float, float, float, float]]:
    """A layer of numbers in web maps' projection (EPSG:3857), the nearest tile for each pixel;
    -1 where there is none; and its left, bottom, right and top in metres.

    ``finer`` pixels a tile and side: with one, a tile may get lost between two pixels.
    """
    package = rasterio()
    source = package.crs.CRS.from_wkt(grid.crs)
    transform = package.transform.Affine(*grid.transform)
    left, top = transform * (0, 0)
    right, bottom = transform * (grid.columns, grid.rows)
    target, width, height = package.warp.calculate_default_transform(
        source, "EPSG:3857", grid.columns * finer, grid.rows * finer, left, bottom, right, top
    )
    result = np.full((height, width), -1, np.int16)
    package.warp.reproject(
        layer.astype(np.int16), result, src_transform=transform, src_crs=source,
        dst_transform=target, dst_crs="EPSG:3857", src_nodata=-1, dst_nodata=-1,
        resampling=package.warp.Resampling.nearest,
    )  # fmt: skip
    corner = target * (0, 0), target * (width, height)
    return result, (corner[0][0], corner[1][1], corner[1][0], corner[0][1])


def _write(
    grid: Grid,
    name: str,
    layer: np.ndarray,
    none: float,
    path: Path,
    tags: dict[str, str],
    colours: dict[int, tuple[int, int, int, int]] | None,
) -> None:
    package = rasterio()
    profile = {
        "driver": "GTiff", "height": grid.rows, "width": grid.columns, "count": 1,
        "dtype": layer.dtype.name, "crs": package.crs.CRS.from_wkt(grid.crs), "nodata": none,
        "transform": package.transform.Affine(*grid.transform),
    }  # fmt: skip
    # of classes there is no average
    coarser = "mode" if colours or tags else "average"
    with files.replacing(path) as temporary, package.io.MemoryFile() as memory:
        with memory.open(**profile) as file:
            file.write(layer, 1)
            file.set_band_description(1, name)
            file.update_tags(**tags)
            if colours:
                file.write_colormap(1, colours)
        with memory.open() as file:
            package.shutil.copy(
                file, temporary, driver="COG", compress="DEFLATE", overview_resampling=coarser
            )
    # GDAL may put statistics beside a file
    path.with_name(f"{path.name}.aux.xml").unlink(missing_ok=True)


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of ``#rrggbb``."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
