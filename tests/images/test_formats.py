"""What a file is by its first bytes."""

import pytest
from PIL import Image
from support.pictures import encoded, texture

from swatchbook.images import formats

PHOTO = texture(1, 0, 32)


@pytest.mark.parametrize("kind", formats.FORMATS)
def test_every_format_that_is_read_is_known_by_its_beginning(kind: str) -> None:
    assert formats.looks_like_image(encoded(PHOTO, kind))
    assert f".{formats.EXTENSIONS[kind]}" in formats.SUFFIXES


@pytest.mark.parametrize("kind", ["TGA", "PCX", "SGI", "ICO", "DDS", "QOI", "AVIF", "JPEG2000"])
def test_other_formats_are_known_too(kind: str) -> None:
    assert formats.why_unidentified(encoded(PHOTO, kind)) == "unsupported_format"


@pytest.mark.parametrize("mode", ["L", "P", "RGBA"])
def test_a_tga_has_a_size_where_it_has_no_footer(mode: str) -> None:
    data = encoded(PHOTO.convert(mode), "TGA")[:-26]
    assert formats.why_unidentified(data) == "unsupported_format"
    assert formats.why_unidentified(data + b"x") == "not_image"


@pytest.mark.parametrize(
    "text", [b"P5 is a format", b"P6\n", b"\n\n", b"\x0a\x05text", b"<p>", b"P3: 4 5"]
)
def test_texts_are_no_images(text: bytes) -> None:
    assert formats.why_unidentified(text) == "not_image"


@pytest.mark.parametrize("comments", [b"# " * 100_000, b"#\n" * 100_000, b"# \t" * 100_000])
def test_a_text_of_comments_takes_no_time(comments: bytes) -> None:
    # a pattern that may divide it in many ways would never end
    assert not formats.looks_like_image(b"P5 " + comments)
    assert formats.looks_like_image(b"P5 " + comments + b"\n9")


def test_a_cut_image_is_a_damaged_one() -> None:
    assert formats.why_unidentified(encoded(Image.new("L", (9, 9)))[:12]) == "corrupt"
