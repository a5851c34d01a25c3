"""Untrusted images become the pixels that training saw, or the reason that it was given."""

import numpy as np
from conftest import encoded, texture

from swatchbook import images
from swatchbook.decoding import Decoder
from swatchbook.errors import ImageRefused


def test_pixels_are_those_of_training_and_bad_images_are_refused() -> None:
    good = [encoded(texture(n, side=300), kind) for n, kind in enumerate(["PNG", "JPEG", "WEBP"])]
    torn = encoded(texture(4, side=300), "JPEG")[:2000]
    with Decoder(2, 32, "pad") as decoder:
        found = [result for _, result in decoder.each(enumerate([*good, torn, b"<html>"]))]
    for data, pixels in zip(good, found, strict=False):
        assert isinstance(pixels, np.ndarray)
        assert (pixels == images.decode(data, 32, "pad")).all()
    refusals = found[len(good) :]
    assert [error.reason for error in refusals if isinstance(error, ImageRefused)] == [
        "truncated", "not_image",
    ]  # fmt: skip
