"""How pictures look as a whole."""

from pathlib import Path

import numpy as np
import pytest
from PIL import ImageFilter
from support.pictures import encoded, texture

from swatchbook.base import files
from swatchbook.base.cache import Cache
from swatchbook.images import store
from swatchbook.review import image_quality


def pixels(blur: float = 0.0) -> np.ndarray:
    return np.asarray(texture(1, 0, 128).filter(ImageFilter.GaussianBlur(blur)))


def test_a_blurred_picture_is_less_sharp_and_no_darker() -> None:
    sharp, soft = image_quality.look_of(pixels()), image_quality.look_of(pixels(3))
    assert soft.sharpness < sharp.sharpness / 5
    assert soft.brightness == pytest.approx(sharp.brightness, rel=0.05)


def test_a_sharp_thing_on_a_soft_ground_is_not_blurred() -> None:
    """As people photograph things: by the mean over all of it, it would be."""
    soft = pixels(4)
    thing = soft.copy()
    thing[40:72, 40:72] = pixels()[40:72, 40:72]
    whole, part, ground = (image_quality.look_of(one).sharpness for one in (pixels(), thing, soft))
    assert part > whole / 3
    assert ground < whole / 20


def test_brightness_and_contrast_are_those_of_the_grey_values() -> None:
    half = np.zeros((10, 10, 3), np.uint8)
    half[:, 5:] = 200
    look = image_quality.look_of(half)
    assert look.brightness == pytest.approx(100, abs=0.1)
    assert look.contrast == pytest.approx(100, abs=0.1)
    assert image_quality.look_of(np.full((9, 9, 3), 77, np.uint8)).sharpness == pytest.approx(
        0, abs=1e-3
    )


def test_a_look_is_computed_once_and_what_cannot_be_read_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paths = {}
    for number in range(5):
        data = encoded(texture(number))
        paths[files.digest(data)] = store.add(data, files.digest(data), "png")
    paths["0" * 64] = Path("gone.png")
    with Cache(Path("looks.sqlite")) as known:
        first = image_quality.looks(paths, known, 2)
        assert set(first) == set(paths) - {"0" * 64}

        def again(*_: object) -> None:
            raise AssertionError("computed again")

        monkeypatch.setattr(image_quality, "look_of", again)
        assert image_quality.looks(paths, known, 2) == first
