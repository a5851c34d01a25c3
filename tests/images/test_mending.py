"""An end that is missing is put there; what holds pixels is never made up."""

import io
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.pictures import encoded, texture
from support.png_files import chunk, with_chunk

from swatchbook.images import mending

PHOTO = texture(1, 0, 40)
PNG = encoded(PHOTO)


def pixels(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def test_a_whole_png_is_left_as_it_is() -> None:
    assert mending.png(PNG) == (PNG, b"")
    assert mending.png(PNG + b"zip") == (PNG + b"zip", b"")


@given(cut=st.integers(1, len(PNG)))
def test_a_cut_png_is_mended_only_where_all_rows_are_there(cut: int) -> None:
    mended = mending.png(PNG[:-cut]).data
    assert mended == (PNG if cut <= 12 else PNG[:-cut])


def test_a_text_that_was_cut_off_after_the_pixels_is_dropped() -> None:
    data = with_chunk(PNG, chunk(b"tEXt", b"Comment\0 by me"), after=True)
    assert mending.png(data[:-20]).data == PNG


def test_texts_are_kept_that_are_not_too_long() -> None:
    # one of them may say how the picture is turned
    data = with_chunk(PNG, chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x/>"))
    assert mending.png(data) == (data, b"")


def test_many_texts_are_too_long_together() -> None:
    text = chunk(b"zTXt", b"key\0\0" + zlib.compress(b"x" * 1_000_000))
    data = with_chunk(PNG, text * 100)
    mended = mending.png(data).data
    assert 30 <= mended.count(b"zTXt") < 60
    assert (pixels(mended) == np.asarray(PHOTO)).all()


def test_a_long_profile_is_handed_out() -> None:
    profile = np.random.default_rng(0).bytes(2_000_000)
    data = with_chunk(PNG, chunk(b"iCCP", b"name\0\0" + zlib.compress(profile)))
    assert mending.png(data) == (PNG, profile)


@pytest.mark.parametrize("subsampling", [0, 2])
def test_a_jpeg_is_mended_only_where_all_pixels_are_there(subsampling: int) -> None:
    whole = encoded(texture(3, 1, 61), "JPEG", quality=90, subsampling=subsampling)
    for cut in (1, 2):
        mended = mending.jpeg(whole[:-cut])
        assert mended is not None
        assert (pixels(mended) == pixels(whole)).all()
    for cut in range(4, 200, 3):
        mended = mending.jpeg(whole[:-cut])
        # the last bits may be those that would have been put there
        assert mended is None or (pixels(mended) == pixels(whole)).all()
    assert mending.jpeg(whole[: len(whole) // 2]) is None


@pytest.mark.parametrize("option", ["progressive", "restart_marker_blocks"])
def test_a_jpeg_in_pieces_is_not_mended(option: str) -> None:
    whole = encoded(PHOTO, "JPEG", **{option: 4})
    assert mending.jpeg(whole[:-2]) is None


def test_a_pass_for_each_colour_is_not_mended() -> None:
    whole = encoded(PHOTO, "JPEG")
    scan = whole.index(b"\xff\xda")
    # as if its only scan had one of the three colours
    one = whole[: scan + 4] + b"\1" + whole[scan + 5 :]
    assert mending.jpeg(one[:-2]) is None
