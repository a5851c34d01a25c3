"""Rasters made on the spot: tiles of known classes, land cover to match, a second date."""

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.transform import from_origin

from support.pictures import texture

# of the tiny project, in the order of its colours; codes of land cover
CLASSES = ("red", "green", "blue")
CODES = {"red": 21, "green": 41, "blue": 11}
TABLE = (
    "code,class,group,colour\n21,red,warm,#cc0000\n41,green,cold,#00aa00\n11,blue,cold,#0000cc\n"
)
UTM = "EPSG:32612"


def truth(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    """Classes ``(rows, columns) int`` in patches, as land is."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, len(CLASSES), (-(-rows // 3), -(-columns // 3)))
    found: np.ndarray = np.kron(coarse, np.ones((3, 3), int))[:rows, :columns]
    return found


def write(
    path: Path, pixels: np.ndarray, left: float = 300_000.0, top: float = 4_100_000.0,
    size: float = 10.0, crs: Any = UTM, nodata: float | None = None,
) -> Path:  # fmt: skip
    """A GeoTIFF of ``pixels (bands, h, w)`` whose corner is at ``left, top``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bands, height, width = pixels.shape
    with rasterio.open(
        path, "w", driver="GTiff", count=bands, height=height, width=width, crs=crs,
        dtype=pixels.dtype.name, transform=from_origin(left, top, size, size), nodata=nodata,
    ) as file:  # fmt: skip
        file.write(pixels)
    return path


def photograph(classes: np.ndarray, side: int = 48, seed: int = 0) -> np.ndarray:
    """Pixels ``(3, h, w) uint8`` in which each tile looks as its class does."""
    rows, columns = classes.shape
    picture = np.zeros((rows * side, columns * side, 3), np.uint8)
    for number, (row, column) in enumerate(np.ndindex(rows, columns)):
        one = texture(seed * 100_000 + number, int(classes[row, column]), side).convert("RGB")
        picture[row * side : (row + 1) * side, column * side : (column + 1) * side] = one
    return np.maximum(picture, 1).transpose(2, 0, 1)  # black is no data


def land_cover(classes: np.ndarray, finer: int = 4) -> np.ndarray:
    """Codes ``(1, h, w) uint8``, ``finer`` pixels a tile and side."""
    codes = np.array([CODES[name] for name in CLASSES], np.uint8)
    return np.kron(codes[classes], np.ones((finer, finer), np.uint8))[None]
