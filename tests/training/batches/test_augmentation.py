"""Augmentation: what it may change, what it must not, and that its seed says all."""

from typing import Any

import numpy as np
import pytest
import torch
from support.pictures import texture

from swatchbook.training.batches import augmentation
from swatchbook.training.batches.augmentation import Augmentation
from swatchbook.training.parameters import RefineDnn

OFF = {"crop_scale": 1.0, "flip": "none", "color_jitter": 0.0}
PIXELS = np.asarray(texture(1, 0, 40))


def settings(**changes: Any) -> RefineDnn:
    return RefineDnn.model_validate({"resolution": 40, **OFF, **changes})


def test_nothing_asked_for_changes_nothing() -> None:
    shown = Augmentation(settings())(PIXELS, 1)
    assert shown.dtype == torch.uint8
    assert np.array_equal(shown.numpy(), PIXELS)


@pytest.mark.parametrize(
    "changes",
    [
        {"crop_scale": 0.6}, {"flip": "horizontal"}, {"flip": "vertical"}, {"flip": "both"},
        {"rotation": 30.0}, {"color_jitter": 0.3}, {"rand_augment": 9},
    ],
)  # fmt: skip
def test_each_change_is_a_function_of_its_seed(changes: dict[str, Any]) -> None:
    augment = Augmentation(settings(**changes))
    shown = [augment(PIXELS, seed).numpy() for seed in range(12)]
    again = [augment(PIXELS, seed).numpy() for seed in reversed(range(12))][::-1]
    assert all(np.array_equal(one, two) for one, two in zip(shown, again, strict=True))
    assert any(not np.array_equal(one, PIXELS) for one in shown)
    assert all(one.shape == (40, 40, 3) and one.dtype == np.uint8 for one in shown)


@pytest.mark.parametrize(("flip", "axes"), [("horizontal", [1]), ("vertical", [0])])
def test_flips_mirror_about_half_of_the_images(flip: str, axes: list[int]) -> None:
    augment = Augmentation(settings(flip=flip))
    mirrored = np.flip(PIXELS, axes)
    same = flipped = 0
    for seed in range(60):
        shown = augment(PIXELS, seed).numpy()
        same += np.array_equal(shown, PIXELS)
        flipped += np.array_equal(shown, mirrored)
    assert same + flipped == 60
    assert 15 < flipped < 45


def test_the_corners_of_a_rotation_are_grey() -> None:
    white = np.full((40, 40, 3), 255, np.uint8)
    shown = Augmentation(settings(rotation=45.0))(white, 3).numpy()
    assert (shown[0, 0] == 114).all()
    assert (shown[20, 20] == 255).all()


def test_a_crop_comes_from_a_larger_image_so_that_it_is_sharp() -> None:
    assert augmentation.decoded_side(settings(crop_scale=0.8)) == 50
    assert augmentation.decoded_side(settings(crop_scale=0.1)) == 80  # bounded
    assert augmentation.decoded_side(settings()) == 40
    larger = np.asarray(texture(1, 0, 50))
    shown = Augmentation(settings(crop_scale=0.8))(larger, 0)
    assert shown.shape == (40, 40, 3)
