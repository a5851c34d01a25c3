"""Tiles are the raster's own pixels; what can't be cut says why in one line."""

from pathlib import Path

import numpy as np
import pytest
from support import rasters

from swatchbook.base.errors import DataError
from swatchbook.maps.imagery import Imagery

RGB = (1, 2, 3)


def noise(bands: int, height: int, width: int, kind: type = np.uint8, seed: int = 0) -> np.ndarray:
    top = np.iinfo(kind).max
    return np.random.default_rng(seed).integers(1, top, (bands, height, width)).astype(kind)


def test_a_tile_is_the_rasters_own_pixels(tmp_path: Path) -> None:
    pixels = noise(4, 70, 50)
    with Imagery([rasters.write(tmp_path / "a.tif", pixels)], (3, 1, 2), None) as imagery:
        grid = imagery.grid(16)
        assert (grid.rows, grid.columns) == (4, 3)
        found = imagery.tile(grid, 2, 1)
        assert found is not None
        assert (found[0] == pixels[[2, 0, 1], 32:48, 16:32].transpose(1, 2, 0)).all()
        assert found[1] == 0


def test_three_files_of_one_band_are_red_green_and_blue(tmp_path: Path) -> None:
    pixels = noise(3, 20, 20)
    paths = [rasters.write(tmp_path / f"{n}.tif", pixels[n : n + 1]) for n in range(3)]
    with Imagery(paths, RGB, None) as imagery:
        found = imagery.tile(imagery.grid(10), 1, 1)
    assert found is not None
    assert (found[0] == pixels[:, 10:, 10:].transpose(1, 2, 0)).all()


def test_parts_of_one_place_lie_side_by_side(tmp_path: Path) -> None:
    pixels = noise(3, 32, 48)
    # they overlap, and the second begins two fifths of a pixel beside the first one's grid
    one = rasters.write(tmp_path / "one.tif", pixels[:, :, :32])
    two = rasters.write(tmp_path / "two.tif", pixels[:, :, 16:], left=300_000 + 160 + 4)
    with Imagery([one, two], RGB, None) as imagery:
        grid = imagery.grid(16)
        assert (grid.rows, grid.columns) == (2, 3)
        for row, column in np.ndindex(2, 3):
            found = imagery.tile(grid, row, column)
            assert found is not None
            own = pixels[:, row * 16 : row * 16 + 16, column * 16 : column * 16 + 16]
            assert (found[0] == own.transpose(1, 2, 0)).all()
        assert imagery.shift(grid) == pytest.approx(0.4)


def test_more_than_8_bits_become_8_between_percentiles(tmp_path: Path) -> None:
    pixels = np.linspace(5000, 9000, 40 * 40, dtype=np.uint16).reshape(1, 40, 40).repeat(3, axis=0)
    path = rasters.write(tmp_path / "a.tif", pixels)
    with Imagery([path], RGB, None) as imagery:
        assert imagery.levels is not None
        assert imagery.levels.low[0] == pytest.approx(5020, abs=2)
        assert imagery.levels.high[0] == pytest.approx(8980, abs=2)
        found = imagery.tile(imagery.grid(40), 0, 0)
    assert found is not None
    assert found[0][0, 0, 0] == 0
    assert found[0][-1, -1, 0] == 255
    with Imagery([path], RGB, (5000, 9000)) as imagery:
        found = imagery.tile(imagery.grid(40), 0, 0)
    assert found is not None
    assert abs(int(found[0][20, 0, 0]) - 128) <= 1


def test_no_data_is_counted(tmp_path: Path) -> None:
    pixels = noise(3, 20, 20, np.uint16)
    pixels[:, 3, 4:9] = 65_535
    pixels[:, 5, 5] = 0  # black: no data where nobody says otherwise
    path = rasters.write(tmp_path / "a.tif", pixels, nodata=65_535)
    with Imagery([path], RGB, (0, 65_534)) as imagery:
        found = imagery.tile(imagery.grid(20), 0, 0)
    assert found is not None
    assert found[1] == 6
    assert (found[0][3, 4:9] == 0).all()


@pytest.mark.parametrize("shift", [0.0, 4.0, 6.0])
def test_another_date_is_cut_by_the_first_ones_grid(tmp_path: Path, shift: float) -> None:
    pixels = noise(3, 64, 64)
    first = rasters.write(tmp_path / "first.tif", pixels)
    # a row less, and moved by up to 0.6 pixels
    second = rasters.write(tmp_path / "second.tif", pixels[:, :63], left=300_000 + shift)
    with Imagery([first], RGB, None) as imagery:
        grid = imagery.grid(16)
    with Imagery([second], RGB, None) as imagery:
        assert imagery.fits(grid) == ""
        assert imagery.shift(grid) == pytest.approx(min(shift, 10 - shift) / 10)
        missing = [
            place for place in np.ndindex(grid.rows, grid.columns)
            if imagery.tile(grid, *place) is None
        ]  # fmt: skip
    # the last row isn't whole any more; shifted by more than half a pixel, the first column is not
    wanted = {(3, column) for column in range(4)} | {(row, 0) for row in range(4) if shift > 5}
    assert set(missing) == wanted


@pytest.mark.parametrize(
    ("second", "says"),
    [
        ({"size": 5.0}, "another coordinate system or pixel size than"),
        ({"crs": "EPSG:32613"}, "another coordinate system or pixel size than"),
        ({"crs": None}, "says not where it is"),
    ],
)
def test_what_does_not_go_together_is_an_error(
    tmp_path: Path, second: dict[str, object], says: str
) -> None:
    one = rasters.write(tmp_path / "one.tif", noise(3, 20, 20))
    two = rasters.write(tmp_path / "two.tif", noise(3, 20, 20), **second)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=says):
        Imagery([one, two], RGB, None)


def test_what_is_no_raster_or_too_small_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_text("<html>404</html>")
    with pytest.raises(DataError, match=r"a\.tif: no raster that can be read"):
        Imagery([tmp_path / "a.tif"], RGB, None)
    path = rasters.write(tmp_path / "b.tif", noise(1, 20, 20))
    with pytest.raises(DataError, match=r"--bands: 1,2,3, and .* has 1"):
        Imagery([path], RGB, None)
    path = rasters.write(tmp_path / "c.tif", noise(3, 20, 20))
    with pytest.raises(DataError, match=r"--bands: 0,1,2, and .* has 3"):
        Imagery([path], (0, 1, 2), None)
    with (
        Imagery([path], RGB, None) as imagery,
        pytest.raises(DataError, match="more than the raster"),
    ):
        imagery.grid(32)


def test_where_files_overlap_the_fuller_one_counts(tmp_path: Path) -> None:
    pixels = noise(3, 16, 32)
    collar = pixels.copy()
    collar[:, :, 16:] = 0  # black, as the edge of a scene
    one = rasters.write(tmp_path / "one.tif", collar)
    two = rasters.write(tmp_path / "two.tif", pixels)
    with Imagery([one, two], RGB, None) as imagery:
        found = imagery.tile(imagery.grid(16), 0, 1)
    assert found is not None
    assert found[1] == 0
    assert (found[0] == pixels[:, :, 16:].transpose(1, 2, 0)).all()


def test_a_pixel_that_is_no_number_is_no_data_and_spoils_nothing(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).random((3, 20, 20)).astype(np.float32) + 1
    pixels[1, 4, 4] = np.nan
    path = rasters.write(tmp_path / "a.tif", pixels)
    with Imagery([path], RGB, None) as imagery:
        found = imagery.tile(imagery.grid(20), 0, 0)
    assert found is not None
    assert found[1] == 1
    assert found[0].std() > 50


def test_a_projection_whose_metres_are_none_is_refused(tmp_path: Path) -> None:
    path = rasters.write(
        tmp_path / "a.tif", noise(3, 40, 40), crs="EPSG:3857", left=-8e6, top=5_160_979
    )
    with (
        Imagery([path], RGB, None) as imagery,
        pytest.raises(DataError, match=r"areas are 1\.8\d times those on the ground; `rio warp"),
    ):
        imagery.grid(10)


def test_a_raster_that_is_cut_is_an_error(tmp_path: Path) -> None:
    path = rasters.write(tmp_path / "a.tif", noise(3, 200, 200))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with Imagery([path], RGB, None) as imagery:
        grid = imagery.grid(20)
        with pytest.raises(DataError, match="can't be read to its end"):
            [imagery.tile(grid, *place) for place in np.ndindex(grid.rows, grid.columns)]
