"""What an image may be, and the reasons for which one is refused."""

from typing import IO

from swatchbook.base.errors import ImageRefused

MAX_BYTES = 100 * 2**20
MAX_PIXELS = 50_000_000
MIN_SIDE = 8
MAX_ASPECT = 50

REASONS = {
    "empty": "the file has no bytes",
    "not_image": "no image by its bytes (an HTML page, a text, a video)",
    "unsupported_format": "an image or document, but not of the formats that are read",
    "unsupported": "a variant that can't be read (arithmetic or 12-bit JPEG, odd pixel types)",
    "truncated": "the file ends before the image does",
    "corrupt": "the image data are damaged",
    "too_large": f"more than {MAX_BYTES // 2**20} MiB",
    "too_many_pixels": f"more than {MAX_PIXELS // 10**6} million pixels",
    "too_small": f"a side under {MIN_SIDE} pixels",
    "aspect": f"one side over {MAX_ASPECT} times the other",
    "blank": "one colour only, or fully transparent",
    "timeout": "decoding took too long",
    "decoder_crash": "the decoder crashed or ran out of memory",
    "vanished": "it was listed, then gone",
    "unreadable": "the file can't be read",
    "escape": "a link or path that leads out of the source",
    "not_a_file": "a folder, pipe, socket or device",
    "no_class": "it stands in no class folder",
    "changed": "its bytes are no longer those of its name",
}


def read(file: IO[bytes]) -> bytes:
    """All bytes of an open file, but never more than an image may have.

    Raises:
        ImageRefused: ``too_large``.
    """
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ImageRefused("too_large")
    return data


def refusal_of_size(size: int) -> str:
    """Why a file of ``size`` bytes is not read: ``too_large``, or nothing."""
    return "too_large" if size > MAX_BYTES else ""
