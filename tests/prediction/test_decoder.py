"""Untrusted images become the pixels that training saw, or the reason that it was given."""

import numpy as np
from support.pictures import encoded, texture

from swatchbook.base.errors import ImageRefused
from swatchbook.images import decoding
from swatchbook.images.frame import Frame
from swatchbook.prediction.decoder import Decoder


def test_pixels_are_those_of_training_and_bad_images_are_refused() -> None:
    good = [encoded(texture(n, side=300), kind) for n, kind in enumerate(["PNG", "JPEG", "WEBP"])]
    torn = encoded(texture(4, side=300), "JPEG")[:2000]
    with Decoder(2, Frame(32, "pad")) as decoder:
        found = [result for _, result in decoder.each(enumerate([*good, torn, b"<html>"]))]
    for data, pixels in zip(good, found, strict=False):
        assert isinstance(pixels, np.ndarray)
        assert (pixels == decoding.decode(data, Frame(32, "pad"))).all()
    refusals = found[len(good) :]
    assert [error.reason for error in refusals if isinstance(error, ImageRefused)] == [
        "truncated", "not_image",
    ]  # fmt: skip
