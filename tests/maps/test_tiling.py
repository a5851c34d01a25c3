"""Places of the grid = tiles + dropped by a named reason; equal rasters give equal bytes."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import rasters

from swatchbook.base.errors import DataError
from swatchbook.maps import place, tiling, truth
from swatchbook.maps.grid import Grid
from swatchbook.maps.imagery import Imagery
from swatchbook.maps.tile_pixels import TilePixels
from swatchbook.maps.tiling import Labelling, Tiled
from swatchbook.shards import manifest, shard_file

SIDE = 48


@pytest.fixture
def known() -> np.ndarray:
    return rasters.truth(4, 5)


@pytest.fixture
def image(tmp_path: Path, known: np.ndarray) -> Path:
    return rasters.write(tmp_path / "image.tif", rasters.photograph(known, SIDE))


def cut(image: Path, out: Path, where: place.Place | None = None) -> Tiled:
    folder = image.parent
    (folder / "classes.csv").write_text(rasters.TABLE)
    cover = rasters.land_cover(rasters.truth(4, 5))
    rasters.write(folder / "cover.tif", cover, size=10.0 * SIDE / 4)
    labelling = Labelling(
        folder / "cover.tif", "", truth.classes_of(folder / "classes.csv"), truth.Rule("nine")
    )
    with Imagery([image], (1, 2, 3), None) as imagery:
        return tiling.tile(imagery, imagery.grid(SIDE), where, labelling, 10, out)


def test_tiles_are_packed_with_where_and_what_they_are(
    image: Path, tmp_path: Path, known: np.ndarray
) -> None:
    tiled = cut(image, tmp_path / "shards")
    assert not tiled.dropped
    found = manifest.read(tmp_path / "shards")
    grid = Grid.of(found.facts["grid"])
    assert (grid.rows, grid.columns, grid.side) == (4, 5, SIDE)
    pixels = rasters.photograph(known, SIDE)
    rows = found.rows.set_index("path")
    for packed in shard_file.read(tmp_path / "shards", 0):
        row, column = rows.loc[packed.path, ["tile_row", "tile_column"]]
        shown = np.asarray(Image.open(io.BytesIO(packed.content)))
        own = pixels[:, row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE]
        assert (shown == own.transpose(1, 2, 0)).all()
        assert grid.at(*rows.loc[packed.path, ["x", "y"]]) == (row, column)
        assert rows.loc[packed.path, "label"] == rasters.CLASSES[known[row, column]]
    assert found.facts["classes"] == {"red": "#cc0000", "green": "#00aa00", "blue": "#0000cc"}
    again = cut(image, tmp_path / "again")
    assert again.manifest.digest == found.digest
    part = shard_file.name(0)
    assert (tmp_path / "again" / part).read_bytes() == (tmp_path / "shards" / part).read_bytes()


def test_what_is_dropped_has_a_reason(image: Path, tmp_path: Path, known: np.ndarray) -> None:
    pixels = rasters.photograph(known, SIDE)
    pixels[:, :2, :6] = 0  # 12 pixels of the first tile
    pixels[:, :2, SIDE : SIDE + 5] = 0  # 10 of the second
    path = rasters.write(tmp_path / "holes.tif", pixels)
    where = place.of_box((300_000, 4_100_000 - 4 * SIDE * 10, 300_000 + 4 * SIDE * 10, 4_100_000))
    tiled = cut(path, tmp_path / "holes", where)
    assert tiled.dropped == {"no_data": 1, "outside": 4}
    assert tiled.manifest.facts["dropped"] == {"no_data": 1, "outside": 4}
    assert len(tiled.manifest.rows) + tiled.dropped.total() == 4 * 5
    nowhere = place.of_box((0, 0, 1, 1))
    with pytest.raises(DataError, match="no image could be read"):
        cut(image, tmp_path / "nothing", nowhere)


def test_tiles_to_train_on_stand_in_blocks(image: Path, tmp_path: Path) -> None:
    tiled = cut(image, tmp_path / "shards")
    count = tiling.to_folders(tiled, tmp_path / "shards", tmp_path / "images", 2)
    assert count == 20 - tiled.labels[""] == 20
    paths = sorted((tmp_path / "images").rglob("*.png"))
    assert len(paths) == count
    for path in paths:
        label, block, name = path.relative_to(tmp_path / "images").parts
        row, column = int(name[1:6]), int(name[7:12])
        assert block == f"b{row // 2:03}-{column // 2:03}"
        assert label == rasters.CLASSES[rasters.truth(4, 5)[row, column]]
    with pytest.raises(DataError, match="is there already"):
        tiling.to_folders(tiled, tmp_path / "shards", tmp_path / "images", 2)


def test_pixels_come_back_by_their_place(image: Path, tmp_path: Path, known: np.ndarray) -> None:
    cut(image, tmp_path / "shards")
    pixels = TilePixels(tmp_path / "shards")
    whole = rasters.photograph(known, SIDE).transpose(1, 2, 0)
    tile = pixels.tile(2, 3)
    assert tile is not None
    assert (tile == whole[2 * SIDE : 3 * SIDE, 3 * SIDE : 4 * SIDE]).all()
    assert pixels.tile(9, 9) is None
    around = pixels.around(0, 0)
    assert (around[: SIDE - 1] == 128).all()  # nothing is there
    inner = around[SIDE + 1 : 2 * SIDE - 1, SIDE + 1 : 2 * SIDE - 1]
    assert (inner == whole[1 : SIDE - 1, 1 : SIDE - 1]).all()
    shown = pixels.overview()
    assert shown.shape[0] / shown.shape[1] == 4 / 5
    assert abs(shown.mean() - whole.mean()) < 1
