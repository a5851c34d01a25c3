"""More than 8 bits: all of them are read, and the levels of a set say what is black and white."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image
from support.pictures import encoded
from support.png_files import chunk, png

from swatchbook.base.errors import ImageRefused
from swatchbook.images import decoding, depth
from swatchbook.images.frame import GREY, Frame

SIDE = 32
RAMP = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
# values of a 12-bit camera
GREYS = (RAMP * 4).astype(np.uint16)
COLOURS = np.stack([GREYS, GREYS[::-1], GREYS.T], axis=-1)
OF_12_BITS = (0.0, 4095.0)


def tiff(values: np.ndarray, *compression: int) -> bytes:
    """Written by OpenCV, which knows more kinds of pixels than Pillow, and red last."""
    options = [cv2.IMWRITE_TIFF_COMPRESSION, *compression] if compression else []
    stored = values[..., ::-1] if values.ndim == 3 else values
    return cv2.imencode(".tif", np.ascontiguousarray(stored), options)[1].tobytes()


def rows(values: np.ndarray) -> bytes:
    """Rows of a PNG without a filter."""
    return b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)


def shown(data: bytes, levels: tuple[float, float] | None = None) -> np.ndarray:
    return decoding.decode(data, Frame(SIDE, "pad", levels), examined=False)


FILES = {
    "grey PNG": (png(SIDE, SIDE, 16, 0, rows(GREYS)), GREYS),
    "grey TIFF": (tiff(GREYS), GREYS),
    "signed TIFF": (tiff(GREYS.astype(np.int16)), GREYS),
    "32-bit TIFF": (encoded(Image.fromarray(GREYS.astype(np.int32)), "TIFF"), GREYS),
    "colour PNG": (png(SIDE, SIDE, 16, 2, rows(COLOURS)), COLOURS),
    "colour TIFF": (tiff(COLOURS, 1), COLOURS),
    "LZW TIFF": (tiff(COLOURS, 5), COLOURS),
    "deflated TIFF": (tiff(COLOURS, 8), COLOURS),
    "PPM": (b"P5 32 32 65535\n" + GREYS.astype(">u2").tobytes(), GREYS),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_without_levels_the_first_eight_bits_are_shown(name: str) -> None:
    data, values = FILES[name]
    assert (shown(data) == (values >> 8).reshape(SIDE, SIDE, -1)).all()


@pytest.mark.parametrize("name", FILES)
def test_levels_show_what_the_set_holds(name: str) -> None:
    data, values = FILES[name]
    assert (shown(data, OF_12_BITS) == (values >> 4).reshape(SIDE, SIDE, -1)).all()
    assert decoding.examine(data, OF_12_BITS)[0].peak == values.max()


def test_levels_of_16_bits_are_those_that_need_not_be_named() -> None:
    data, _ = FILES["colour PNG"]
    assert (shown(data, (0, 65535)) == shown(data)).all()


def test_what_is_beyond_the_levels_is_black_or_white() -> None:
    found = shown(FILES["grey PNG"][0], (1000, 2000))
    assert (found[GREYS <= 1000] == 0).all()
    assert (found[GREYS >= 2000] == 255).all()
    assert 120 < found[GREYS == 1500].mean() < 135


def test_negative_values_have_levels_too() -> None:
    hounsfield = (RAMP * 4 - 1024).astype(np.int16)
    with pytest.raises(ImageRefused, match=r"unsupported.*refine_dnn\.levels"):
        shown(tiff(hounsfield))
    found = shown(tiff(hounsfield), (-1024, 3071))
    assert (found[..., 0] == RAMP * 4 // 16).all()


def test_decimals_are_of_1_or_of_255_or_have_levels() -> None:
    wanted = (RAMP // 4).astype(np.uint8)
    for white, levels in ((1, None), (255, None), (1, (0, 1)), (1000, (0, 1000))):
        values = (wanted / 255 * white).astype(np.float32)
        assert (shown(tiff(values), levels)[..., 0] == wanted).all()
    with pytest.raises(ImageRefused, match=r"unsupported.*refine_dnn\.levels"):
        shown(tiff(RAMP.astype(np.float32)))


def test_alpha_has_16_bits_whatever_the_levels() -> None:
    alpha = np.where(RAMP % 2, 65535, 0)
    grey = np.stack([GREYS, alpha], axis=-1)
    colour = np.dstack([COLOURS, alpha])
    for data, values in (
        (png(SIDE, SIDE, 16, 4, rows(grey)), GREYS[..., None]),
        (png(SIDE, SIDE, 16, 6, rows(colour)), COLOURS),
    ):
        wanted = np.where(RAMP[..., None] % 2, values >> 4, GREY)
        assert (shown(data, OF_12_BITS) == wanted).all()
        # opaque is white of nothing
        assert decoding.examine(data, OF_12_BITS)[0].peak == values.max()


@pytest.mark.parametrize(("colour", "values"), [(0, GREYS[..., None]), (2, COLOURS)])
def test_one_colour_of_16_bits_may_be_transparent(colour: int, values: np.ndarray) -> None:
    key = values[5, 7]
    hidden = chunk(b"tRNS", key.astype(">u2").tobytes())
    data = png(SIDE, SIDE, 16, colour, rows(values), hidden)
    wanted = np.where((values == key).all(axis=-1, keepdims=True), GREY, values >> 8)
    assert (shown(data) == wanted).all()


def test_12_bits_of_a_file_that_says_so_fill_all_of_8() -> None:
    values = (RAMP * 4).astype(np.uint16)
    pairs = values.reshape(-1, 2)
    packed = np.stack(
        [pairs[:, 0] >> 4, (pairs[:, 0] & 15) << 4 | pairs[:, 1] >> 8, pairs[:, 1] & 255], axis=1
    ).astype(np.uint8)
    plain = bytearray(encoded(Image.new("L", (SIDE, SIDE)), "TIFF"))
    # the same file, but for BitsPerSample, StripByteCounts and StripOffsets
    for tag, value in ((258, 12), (279, packed.nbytes), (273, len(plain))):
        entry = plain.index(tag.to_bytes(2, "little"), int.from_bytes(plain[4:8], "little"))
        size = 2 if plain[entry + 2] == 3 else 4
        plain[entry + 8 : entry + 12] = value.to_bytes(size, "little").ljust(4, b"\0")
    data = bytes(plain) + packed.tobytes()
    assert (shown(data)[..., 0] == values >> 4).all()
    # and levels mean the values that the file holds
    assert (shown(data, OF_12_BITS)[..., 0] == values >> 4).all()
    assert decoding.examine(data, OF_12_BITS)[0].peak == values.max()


def test_few_values_of_many_are_no_blank_image() -> None:
    eight_of_sixteen = (RAMP // 4).astype(np.uint16)
    facts, rgb = decoding.examine(tiff(eight_of_sixteen))
    assert facts.peak == 255
    assert np.asarray(rgb).max() == 0  # acquire says so
    with pytest.raises(ImageRefused, match="blank"):
        decoding.examine(tiff(np.full((SIDE, SIDE), 700, np.uint16)))


def test_eight_bits_are_left_alone() -> None:
    with Image.open(io.BytesIO(encoded(Image.new("RGB", (9, 9))))) as image:
        assert not depth.is_deep(image)
        assert depth.raw_mode(image) == "RGB"
