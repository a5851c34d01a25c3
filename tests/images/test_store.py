"""The store of images."""

from pathlib import Path

import pytest
from support.pictures import encoded, texture

from swatchbook.base import files
from swatchbook.base.errors import ImageRefused
from swatchbook.images import store
from swatchbook.images.frame import Frame

DATA = encoded(texture(1))
SHA256 = files.digest(DATA)


def test_an_image_is_stored_once_and_mended_where_it_was_cut() -> None:
    path = store.add(DATA, SHA256, "png")
    assert path == Path(f"data/images/{SHA256[:2]}/{SHA256}.png")
    path.write_bytes(DATA[:10])
    assert store.add(DATA, SHA256, "png").read_bytes() == DATA


def test_pruning_leaves_what_is_kept_and_no_empty_folder() -> None:
    kept = store.add(DATA, SHA256, "png")
    other = encoded(texture(2))
    gone = store.add(other, files.digest(other), "png")
    assert store.prune({kept.as_posix()}) == 1
    assert kept.is_file()
    assert not gone.parent.exists() or gone.parent == kept.parent


def test_pixels_are_given_only_for_the_bytes_of_that_digest() -> None:
    path = store.add(DATA, SHA256, "png")
    assert store.pixels(SHA256, path, Frame(32, "pad")).shape == (32, 32, 3)
    path.write_bytes(encoded(texture(2)))
    with pytest.raises(ImageRefused, match="changed"):
        store.pixels(SHA256, path, Frame(32, "pad"))
    path.unlink()
    with pytest.raises(ImageRefused, match="vanished"):
        store.pixels(SHA256, path, Frame(32, "pad"))
