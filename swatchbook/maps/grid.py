"""The tiles of a place: squares of so many pixels, each with a name, a window and coordinates."""

import math
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from swatchbook.base.errors import DataError

_NAME = re.compile(r"r(\d{5})c(\d{5})")
# of a sphere of the earth's surface (IUGG's authalic radius), for tiles in degrees
_RADIUS = 6_371_007.2


@dataclass(frozen=True)
class Grid:
    """``rows × columns`` tiles of ``side`` pixels in a coordinate system.

    ``crs`` is its WKT, ``geographic`` whether it counts in degrees. A pixel's upper left corner
    ``(column, row)`` is at ``x = left + column * width``, ``y = top - row * height`` in units of
    the system; ``unit`` metres make one.
    """

    crs: str
    geographic: bool
    unit: float
    left: float
    top: float
    width: float
    height: float
    side: int
    rows: int
    columns: int

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Self:
        """The grid that ``facts`` tell of. Raises DataError where they tell of none."""
        try:
            return cls(**facts)
        except TypeError:
            raise DataError(
                "the manifest has no grid of tiles: `swatchbook tiles` makes shards of rasters"
            ) from None

    @property
    def facts(self) -> dict[str, Any]:
        """What ``of`` makes it from."""
        return asdict(self)

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """GDAL's affine transform of tiles (not pixels), as rasterio's Affine takes it."""
        return (self.width * self.side, 0.0, self.left, 0.0, -self.height * self.side, self.top)

    def names(self) -> Iterator[tuple[int, int, str]]:
        """Row, column and name of every tile, by rows."""
        for row in range(self.rows):
            for column in range(self.columns):
                yield row, column, name(row, column)

    def corners(self, row: int, column: int) -> tuple[float, float, float, float]:
        """Left, bottom, right and top of a tile."""
        left = self.left + column * self.side * self.width
        top = self.top - row * self.side * self.height
        return left, top - self.side * self.height, left + self.side * self.width, top

    def centre(self, row: int, column: int) -> tuple[float, float]:
        """Coordinates of a tile's centre."""
        left, bottom, right, top = self.corners(row, column)
        return (left + right) / 2, (bottom + top) / 2

    def at(self, x: float, y: float) -> tuple[int, int] | None:
        """Row and column of the tile at some coordinates; None: outside."""
        column = math.floor((x - self.left) / (self.side * self.width))
        row = math.floor((self.top - y) / (self.side * self.height))
        inside = 0 <= row < self.rows and 0 <= column < self.columns
        return (row, column) if inside else None

    def areas(self) -> np.ndarray:
        """Square kilometres of a tile in each row, ``(rows,) float``.

        In degrees: that of the spherical rectangle, within half a percent.
        """
        if not self.geographic:
            one = self.side**2 * self.width * self.height * self.unit**2 / 1e6
            return np.full(self.rows, one)
        edges = self.top - np.arange(self.rows + 1) * self.side * self.height
        bands = np.abs(np.diff(np.sin(np.radians(edges))))
        across = np.radians(self.side * self.width)
        areas: np.ndarray = _RADIUS**2 * bands * across / 1e6
        return areas

    def like(self, other: "Grid") -> str:
        """What keeps its tiles from being those of ``other``; empty: nothing does."""
        for key in ("crs", "side", "rows", "columns"):
            if getattr(self, key) != getattr(other, key):
                return f"another {key}"
        moved = max(
            abs(self.left - other.left) / self.width, abs(self.top - other.top) / self.height,
            abs(self.width - other.width) / self.width * self.columns * self.side,
        )  # fmt: skip
        return f"tiles moved by {moved:.2f} pixels" if moved > 1e-6 else ""


def name(row: int, column: int) -> str:
    """What a tile is called: ``r00003c00005``."""
    return f"r{row:05}c{column:05}"


def place(tile: str) -> tuple[int, int]:
    """Row and column of a tile by its name. Raises DataError where it is none."""
    found = _NAME.fullmatch(tile)
    if not found:
        raise DataError(f"{tile!r} is no name of a tile: one is needed as in r00003c00005")
    return int(found[1]), int(found[2])
