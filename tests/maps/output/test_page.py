"""The page in a real browser: no request, no message, and it tells what is under the pointer."""

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rasterio.crs import CRS
from support import rasters

from swatchbook.maps.grid import Grid
from swatchbook.maps.layers import Layers
from swatchbook.maps.output import page

CRS_OF = CRS.from_user_input(rasters.UTM).to_wkt()


def layers(rows: int, columns: int, names: list[str]) -> Layers:
    grid = Grid(CRS_OF, False, 1.0, 3e5, 4.1e6, 10, 10, 22, rows, columns)
    layer = rasters.truth(rows, columns).astype(np.int16)
    layer[0, 0] = -1
    sure = np.where(layer < 0, np.nan, 0.75).astype(np.float32)
    colours = ["#cc0000", "#00aa00", "#0000cc"]
    return Layers(grid, names, colours, {}, layer, layer, sure, layer, 0, 0, 3)


@pytest.mark.parametrize("width", [1280, 390])
def test_it_asks_nobody_and_tells_what_is_there(tmp_path: Path, chromium: Any, width: int) -> None:
    hostile = ["red", "</script><img src=x onerror=alert(1)>", "blue"]
    found = layers(12, 15, hostile)
    photograph = rasters.photograph(rasters.truth(12, 15), 8).transpose(1, 2, 0)
    page.write(found, "a <b>place</b>", photograph, tmp_path / "map.html")
    window = chromium.new_page(viewport={"width": width, "height": 780})
    asked: list[str] = []
    said: list[str] = []
    window.on("request", lambda request: asked.append(request.url))
    window.on("console", lambda message: said.append(message.text))
    window.on("pageerror", lambda error: said.append(str(error)))
    window.on("dialog", lambda dialog: said.append("dialog"))
    window.goto((tmp_path / "map.html").as_uri())
    window.wait_for_selector(".leaflet-image-layer")
    told = set()
    for x, y in itertools.product(range(10, width, width // 25), range(120, 700, 30)):
        window.mouse.move(x, y)
        told.add(window.inner_text("#tile"))
    assert "truth: red, predicted: red, smoothed: red, confidence: 75 %" in told
    assert window.inner_text(".panel h1") == "a <b>place</b>"
    for name in ("truth", "smoothed", "confidence", "none"):
        window.get_by_label(name, exact=True).check()
        assert window.locator(".leaflet-image-layer").count() == (1 if name == "none" else 2)
    assert window.evaluate("document.documentElement.scrollWidth") <= width
    assert [url for url in asked if not url.startswith(("data:", "file:"))] == []
    assert said == []
    window.close()


def test_a_county_of_65_563_tiles_stays_small(tmp_path: Path) -> None:
    """With its photograph, and a confidence that varies as one does."""
    found = layers(229, 287, ["red", "green", "blue"])  # as many as Middlesex has, and some
    random = np.random.default_rng(0)
    sure = np.where(found.predicted < 0, np.nan, random.beta(5, 1, found.predicted.shape))
    found = replace(found, confidence=sure.astype(np.float32))
    coarse = random.integers(0, 255, (58, 72, 3), np.uint8)
    photograph = np.asarray(Image.fromarray(coarse).resize((287 * 4, 229 * 4)))
    assert page.write(found, "county", photograph, tmp_path / "map.html") < 2_000_000
