"""The difference hash: its bits are those that manifests and caches hold."""

import numpy as np
import pytest
from PIL import Image
from support.pictures import texture

from swatchbook.untrusted.perceptual_hash import dhash


def by_hand(image: Image.Image, hash_size: int) -> str:
    grey = image.convert("L").resize((hash_size + 1, hash_size), Image.Resampling.LANCZOS)
    pixels = np.asarray(grey)
    return np.packbits(pixels[:, 1:] > pixels[:, :-1]).tobytes().hex()


@pytest.mark.parametrize("hash_size", [8, 9, 16, 32])
@pytest.mark.parametrize("size", [(48, 48), (300, 120), (33, 80)])
def test_a_bit_is_set_where_a_pixel_is_brighter_than_its_left_neighbour(
    hash_size: int, size: tuple[int, int]
) -> None:
    image = texture(4, 1, 64).resize(size)
    assert dhash(image, hash_size) == by_hand(image, hash_size)


def test_known_bits() -> None:
    # a gradient that rises, then falls: caches of earlier versions hold such hashes
    row = [0, 28, 56, 84, 112, 84, 56, 28, 0]
    image = Image.fromarray(np.array([row] * 8, np.uint8))
    assert dhash(image, 8) == "f0" * 8
