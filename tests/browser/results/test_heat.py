"""Pictures of where a class is found, and of where two images differ."""

import io
from pathlib import Path

import numpy as np
from PIL import Image
from support.browsing import Browsing

from swatchbook.browser.results import heat


def opened(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)


def test_the_colour_says_for_or_against() -> None:
    found = np.array([[1.0, 0.0], [0.0, -2.0]])
    shown = heat.overlaid(np.full((32, 32, 3), 128, np.uint8), found).astype(int)
    assert shown.shape == (heat.SIDE, heat.SIDE, 3)
    corners = shown[5, 5], shown[-5, -5], shown[5, -5]
    assert corners[0][0] > corners[0][2] + 20  # orange
    assert corners[1][2] > corners[1][0] + 100  # blue, twice as much
    assert np.ptp(corners[2]) < 20  # grey: nothing


def test_each_class_has_its_map(shared_browse: Browsing) -> None:
    browse = shared_browse
    sha256 = browse.get("/api/images?result=wrong&subset=train&limit=1").json()["sha256"][0]
    one = browse.get(f"/api/images/{sha256}").json()
    maps = {}
    for label in ("red", "green", "blue"):
        answer = browse.get(f"/heat/{sha256}?label={label}")
        assert answer.headers["content-type"] == "image/jpeg"
        maps[label] = opened(answer.content)
    assert (maps["red"] != maps["blue"]).any()
    nothing = browse.get(f"/heat/{sha256}?label=nothing")
    assert nothing.status_code == 409
    assert "doesn't know class 'nothing'" in nothing.json()["error"]
    page = browse.get("/mistakes?subset=train").text
    assert f"/heat/{one['sha256']}?label={one['predicted']}" in page


def test_models_without_maps_say_so_once(own_folder: Path) -> None:
    assert heat.why_not().startswith("No heat maps: models/network.onnx: no such file")


def test_where_two_images_differ_is_white(shared_browse: Browsing) -> None:
    browse = shared_browse
    (group,) = browse.get("/api/groups").json()["groups"]
    first, other = (member["sha256"] for member in group["members"])
    assert not opened(browse.get(f"/difference/{first}/{first}").content).any()
    near = opened(browse.get(f"/difference/{first}/{other}").content)
    far = browse.get("/api/images?label=red&limit=1").json()["sha256"][0]
    away = opened(browse.get(f"/difference/{first}/{far}").content)
    assert 0 < near.mean() < away.mean()
    assert away.max() > 200
    assert browse.get(f"/difference/{first}/{'0' * 64}").status_code == 404
