"""Pixels of tiles by their place, out of the shards that they are packed in."""

import io
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from swatchbook.base.errors import DataError
from swatchbook.maps.grid import Grid
from swatchbook.shards import manifest, shard_file

# of the picture of a whole place
_MOST = 1400


class TilePixels:
    """The tiles of a folder of shards. Raises DataError where they can't be read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._manifest = manifest.read(folder)
        self.grid = Grid.of(self._manifest.facts.get("grid", {}))
        rows = self._manifest.rows
        self._shard = {
            (row, column): shard
            for row, column, shard in zip(
                rows["tile_row"].tolist(), rows["tile_column"].tolist(), rows["shard"].tolist(),
                strict=True,
            )
        }  # fmt: skip
        self._of_shard = lru_cache(4)(self._read)

    def tile(self, row: int, column: int) -> np.ndarray | None:
        """Pixels ``(side, side, 3) uint8``; None: there is no such tile."""
        shard = self._shard.get((row, column))
        return None if shard is None else self._of_shard(shard)[row, column]

    def around(self, row: int, column: int) -> np.ndarray:
        """A tile and its eight neighbours, ``(3 side, 3 side, 3) uint8``, the tile in a frame."""
        side = self.grid.side
        picture = np.full((3 * side, 3 * side, 3), 128, np.uint8)
        for down in (-1, 0, 1):
            for right in (-1, 0, 1):
                found = self.tile(row + down, column + right)
                if found is not None:
                    top, left = (down + 1) * side, (right + 1) * side
                    picture[top : top + side, left : left + side] = found
        for edge in (side - 1, 2 * side):
            picture[edge, side - 1 : 2 * side + 1] = (255, 255, 0)
            picture[side - 1 : 2 * side + 1, edge] = (255, 255, 0)
        return picture

    def overview(self) -> np.ndarray:
        """All tiles as one picture, each as a few pixels; white where there is none."""
        grid = self.grid
        size = int(np.clip(_MOST // max(grid.rows, grid.columns), 1, grid.side))
        picture = np.full((grid.rows * size, grid.columns * size, 3), 255, np.uint8)
        for shard in range(self._manifest.shards):
            for (row, column), pixels in self._read(shard).items():
                small = Image.fromarray(pixels).resize((size, size), Image.Resampling.BOX)
                top, left = row * size, column * size
                picture[top : top + size, left : left + size] = np.asarray(small)
        return picture

    def _read(self, shard: int) -> dict[tuple[int, int], np.ndarray]:
        rows = self._manifest.of_shards[shard]
        places = zip(rows["tile_row"].tolist(), rows["tile_column"].tolist(), strict=True)
        images = list(shard_file.read(self._folder, shard))
        if [image.path for image in images] != rows["path"].tolist():
            raise DataError(
                f"{self._folder / shard_file.name(shard)}: holds other tiles than the manifest "
                "says; take a whole copy of the folder"
            )
        return {
            place: np.asarray(Image.open(io.BytesIO(image.content)))
            for place, image in zip(places, images, strict=True)
        }
