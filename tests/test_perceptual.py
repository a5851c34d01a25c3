"""The difference hash against the library that defined its bits."""

from pathlib import Path

import imagehash
import pytest
from conftest import texture
from PIL import Image

from swatchbook import images
from swatchbook.perceptual import dhash


def reference(image: Image.Image, hash_size: int) -> str:
    return "".join(str(int(bit)) for row in imagehash.dhash(image, hash_size).hash for bit in row)


def bits(code: str, count: int) -> str:
    return f"{int(code, 16):0{len(code) * 4}b}"[:count]


@pytest.mark.parametrize("hash_size", [8, 9, 16, 32])
@pytest.mark.parametrize("size", [(48, 48), (300, 120), (33, 80)])
def test_the_same_bits_as_imagehash(hash_size: int, size: tuple[int, int]) -> None:
    image = texture(4, 1, 64).resize(size)
    assert bits(dhash(image, hash_size), hash_size**2) == reference(image, hash_size)


def test_the_same_bits_as_imagehash_on_photographs(shared: Path) -> None:
    for path in sorted((shared / "fabric_patterns").rglob("*.jpg"))[::20]:
        _, rgb = images.examine(path.read_bytes())
        with Image.open(path) as image:
            assert bits(dhash(rgb, 16), 256) == reference(image.convert("RGB"), 16)
