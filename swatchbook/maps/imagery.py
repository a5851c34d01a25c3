"""Rasters as pictures of a place: which bands, which brightness, and the pixels of a tile.

Several files are one image: of one band each, its red, green and blue; of several bands each,
neighbouring or overlapping parts of it, of which that is taken that holds most of a tile.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from swatchbook.base.errors import DataError, SwatchbookError, first_line
from swatchbook.maps.grid import Grid

MISSING = (
    "tiles and maps: rasterio is not installed; `pip install 'swatchbook[geo]'` (in a clone: "
    "`pip install -r requirements-geo.txt`)"
)
# of values with more than 8 bits: what is black and what is white
_PERCENTILES = (0.5, 99.5)
_MOST_SAMPLED = 1000
# share by which areas may be wrong: UTM's are by a thousandth
_MOST_STRETCHED = 0.02


class MapError(SwatchbookError):
    """rasterio is not here."""


def rasterio() -> Any:
    """The package. Raises MapError where it is not installed."""
    try:
        import rasterio
        import rasterio.features
        import rasterio.io
        import rasterio.shutil
        import rasterio.transform
        import rasterio.warp
        import rasterio.windows
    except ImportError:
        raise MapError(MISSING) from None
    return rasterio


@dataclass(frozen=True)
class Levels:
    """Values that become 0 and 255 in each of three bands; None where they are 8 bits already."""

    low: tuple[float, ...]
    high: tuple[float, ...]


class Imagery:
    """The rasters of one image, open for reading; a context.

    Raises:
        DataError: where one can't be read, says not where it is, or doesn't go with the others.
    """

    def __init__(
        self, paths: Sequence[Path], bands: Sequence[int], levels: tuple[float, float] | None
    ) -> None:
        package = rasterio()
        self._stack = contextlib.ExitStack()
        self.files = [self._opened(package, path) for path in paths]
        first = self.files[0]
        self._stacked = all(file.count == 1 for file in self.files) and len(self.files) > 1
        if self._stacked and len(self.files) != 3:
            raise DataError(
                f"{len(self.files)} rasters of one band each: red, green and blue are needed, "
                "three files in this order"
            )
        self._bands = list(bands)
        for file in self.files:
            self._check(file, first)
        self.levels = self._levels(levels)

    def __enter__(self) -> "Imagery":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def grid(self, side: int) -> Grid:
        """The grid of whole tiles of ``side`` pixels from the upper left corner of all files."""
        first = self.files[0]
        width, height = first.transform.a, -first.transform.e
        left = min(file.bounds.left for file in self.files)
        top = max(file.bounds.top for file in self.files)
        columns = round((max(file.bounds.right for file in self.files) - left) / width)
        rows = round((top - min(file.bounds.bottom for file in self.files)) / height)
        if min(rows, columns) < side:
            raise DataError(
                f"--tile: {side} pixels are more than the raster has ({columns} × {rows})"
            )
        crs = first.crs
        self._check_scale(left, top, columns * width, rows * height)
        unit = 1.0 if crs.is_geographic else float(crs.linear_units_factor[1])
        return Grid(
            crs.to_wkt(), bool(crs.is_geographic), unit, left, top, width, height, side,
            rows // side, columns // side,
        )  # fmt: skip

    def fits(self, grid: Grid) -> str:
        """What keeps these files from being cut by ``grid``; empty: nothing does."""
        first = self.files[0]
        if rasterio().crs.CRS.from_wkt(grid.crs) != first.crs:
            return "another coordinate system"
        stretch = max(
            abs(first.transform.a / grid.width - 1), abs(-first.transform.e / grid.height - 1)
        )
        if stretch * max(grid.rows, grid.columns) * grid.side > 1:
            return f"pixels of another size ({first.transform.a:g}, not {grid.width:g})"
        return ""

    def shift(self, grid: Grid) -> float:
        """By how much of a pixel, at most, the pixels of its tiles lie beside those of ``grid``."""
        shifts = []
        for file in self.files:
            column = (file.bounds.left - grid.left) / grid.width
            row = (grid.top - file.bounds.top) / grid.height
            shifts += [abs(column - round(column)), abs(row - round(row))]
        return float(max(shifts))

    def tile(self, grid: Grid, row: int, column: int) -> tuple[np.ndarray, int] | None:
        """Pixels ``(side, side, 3) uint8`` of a tile and how many of them are no data.

        The nearest pixels are taken, none is mixed. None: no file holds the whole tile.
        """
        left, _, _, top = grid.corners(row, column)
        fullest: tuple[np.ndarray, int] | None = None
        for number, file in enumerate(self.files[:1] if self._stacked else self.files):
            across = round((left - file.bounds.left) / grid.width)
            down = round((file.bounds.top - top) / grid.height)
            if not (0 <= across <= file.width - grid.side and 0 <= down <= file.height - grid.side):
                continue
            window = rasterio().windows.Window(across, down, grid.side, grid.side)
            values, valid = self._read(number, window)
            empty = int((~valid).sum())
            # where files overlap, one may be black where the other is not
            if fullest is None or empty < fullest[1]:
                fullest = self._shown(values, valid), empty
            if not empty:
                break
        return fullest

    def _opened(self, package: Any, path: Path) -> Any:
        try:
            file = self._stack.enter_context(package.open(path))
        except (package.errors.RasterioError, OSError) as error:
            raise DataError(
                f"{path}: no raster that can be read: {first_line(error)}; is it whole?"
            ) from None
        if file.crs is None or file.transform.is_identity:
            raise DataError(
                f"{path}: says not where it is (no coordinate system); give it one with "
                "`rio edit-info --crs EPSG:… --transform …`"
            )
        if file.transform.b or file.transform.d or file.transform.e >= 0:
            raise DataError(f"{path}: is turned or upside down; `rio warp` makes it north-up")
        return file

    def _check_scale(self, left: float, top: float, width: float, height: float) -> None:
        """Refuse a projection whose metres are not metres: areas would be wrong."""
        crs = self.files[0].crs
        if crs.is_geographic:
            return
        unit = float(crs.linear_units_factor[1])
        x = [left, left + width, left + width, left]
        y = [top, top, top - height, top - height]
        # an equal-area projection of all the world
        across, down = rasterio().warp.transform(crs, "EPSG:6933", x, y)
        points = list(zip(across, down, strict=True))
        true = (
            abs(
                sum(
                    a[0] * b[1] - b[0] * a[1]
                    for a, b in zip(points, points[1:] + points[:1], strict=True)
                )
            )
            / 2
        )
        ratio = width * height * unit**2 / true
        if abs(ratio - 1) > _MOST_STRETCHED:
            raise DataError(
                f"{self.files[0].name}: in {crs.to_string()[:40]} areas are {ratio:.2f} times "
                "those on the ground; `rio warp --dst-crs EPSG:…` into the UTM zone of the place"
            )

    def _check(self, file: Any, first: Any) -> None:
        if not self._stacked and not 1 <= min(self._bands) <= max(self._bands) <= file.count:
            raise DataError(
                f"--bands: {','.join(map(str, self._bands))}, and {file.name} has {file.count}; "
                "choose among these"
            )
        same = file.crs == first.crs and np.allclose(
            (file.transform.a, file.transform.e), (first.transform.a, first.transform.e), rtol=1e-6
        )
        if not same:
            raise DataError(
                f"{file.name}: another coordinate system or pixel size than {first.name}; "
                "`rio warp --like` makes them agree"
            )
        if self._stacked and (file.shape != first.shape or file.bounds != first.bounds):
            raise DataError(
                f"{file.name}: another place than {first.name}; bands of one image must lie over "
                "each other"
            )

    def _read(
        self, number: int, window: Any, shape: tuple[int, int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Values ``(h, w, 3)`` and which are data ``(h, w) bool``."""
        options = {"window": window, "out_shape": shape} if shape else {"window": window}
        parts: list[Any] = []
        sources = [(file, 1) for file in self.files] if self._stacked else [
            (self.files[number], band) for band in self._bands
        ]  # fmt: skip
        try:
            for file, band in sources:
                parts.append(file.read(band, masked=True, **options))
        except rasterio().errors.RasterioError as error:
            raise DataError(
                f"{self.files[number].name}: can't be read to its end ({first_line(error)}); take "
                "a whole copy"
            ) from None
        values = np.stack([np.ma.getdata(part) for part in parts], axis=-1)
        masked = np.stack([np.ma.getmaskarray(part) for part in parts], axis=-1).any(axis=-1)
        # many images have no value for no data, and are black there
        empty = masked | (values == 0).all(axis=-1)
        if values.dtype.kind == "f":
            empty |= ~np.isfinite(values).all(axis=-1)
        return values, ~empty

    def _shown(self, values: np.ndarray, valid: np.ndarray) -> np.ndarray:
        if self.levels is None:
            shown = values.astype(np.uint8)
        else:
            low, high = (np.array(side, np.float32) for side in (self.levels.low, self.levels.high))
            scaled = (
                (np.nan_to_num(values).astype(np.float32) - low)
                / np.maximum(high - low, 1e-9)
                * 255
            )
            shown = np.clip(scaled.round(), 0, 255).astype(np.uint8)
        shown[~valid] = 0
        return shown

    def _levels(self, given: tuple[float, float] | None) -> Levels | None:
        if given is not None:
            return Levels((given[0],) * 3, (given[1],) * 3)
        if all(kind == "uint8" for file in self.files for kind in file.dtypes):
            return None
        samples = []
        for number in range(1 if self._stacked else len(self.files)):
            file = self.files[number]
            shape = (min(file.height, _MOST_SAMPLED), min(file.width, _MOST_SAMPLED))
            window = rasterio().windows.Window(0, 0, file.width, file.height)
            values, valid = self._read(number, window, shape)
            samples.append(values[valid])
        found = np.concatenate(samples)
        if not len(found):
            raise DataError(f"{self.files[0].name}: has no data; is it the right file?")
        low, high = np.percentile(found, _PERCENTILES, axis=0)
        return Levels(tuple(map(float, low)), tuple(map(float, high)))
