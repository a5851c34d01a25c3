"""From whatever colours a file has to 8 bits of sRGB."""

import io
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from swatchbook.images import depth
from swatchbook.images.frame import GREY, Levels

# a grey of 2 or 4 bits in a PNG is spread over 8, but not the one that is to be transparent
_SPREAD = {"L;2": 85, "L;4": 17}


def parts(image: Image.Image, raw: str) -> tuple[Image.Image, Image.Image | None]:
    """The colours of a loaded image of 8 bits, and its alpha where it has one.

    ``raw`` is its ``depth.raw_mode``.
    """
    if image.mode == "RGB" and "transparency" not in image.info:
        return image, None
    if not image.has_transparency_data:
        return (image.convert("RGB") if image.mode == "P" else image), None
    if raw in _SPREAD:
        image.info["transparency"] *= _SPREAD[raw]
    if image.mode in ("1", "L", "LA", "La"):
        grey = image.convert("LA")
        return grey.getchannel("L"), grey.getchannel("A")
    rgba = image.convert("RGBA")
    alpha = rgba.getchannel("A")
    if image.format in ("BMP", "DIB") and alpha.getextrema() == (0, 0):
        # many programs leave the fourth byte of a pixel 0, and none shows nothing
        return rgba.convert("RGB"), None
    return rgba.convert("RGB"), alpha


def deep_parts(
    values: np.ndarray, alpha: np.ndarray | None, key: object, levels: Levels | None
) -> tuple[Image.Image, Image.Image | None]:
    """As ``parts``, of an image's ``depth.samples``; ``key`` is its transparent colour, or None.

    Raises:
        ImageRefused: ``unsupported`` where samples don't fit into 8 bits without levels.
    """
    shown = Image.fromarray(depth.eight_bit(values, levels))
    if alpha is None and key is None:
        return shown, None
    if alpha is None:
        hidden = values == np.array(key)
        opaque = np.where(hidden.all(axis=2) if hidden.ndim == 3 else hidden, 0, 255)
    else:
        opaque = alpha >> 8
    return shown, Image.fromarray(opaque.astype(np.uint8))


def srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The colours of an ICC profile as RGB; a corrupt one, or one of other colours, is ignored."""
    known = image.mode in ("RGB", "CMYK", "L")
    transform = _to_srgb(profile, image.mode) if profile and known else None
    if transform is None:
        # converting would copy it
        return image if image.mode == "RGB" else image.convert("RGB")
    return ImageCms.applyTransform(image, transform) or image


@lru_cache(maxsize=64)
def _to_srgb(profile: bytes, mode: str) -> Any:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return None
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


def over_grey(rgb: Image.Image, alpha: Image.Image) -> Image.Image:
    """RGB with its transparency laid over grey 114."""
    shown = rgb.copy()
    shown.putalpha(alpha)
    ground = Image.new("RGBA", rgb.size, (GREY, GREY, GREY, 255))
    return Image.alpha_composite(ground, shown).convert("RGB")


def is_blank(rgb: Image.Image) -> bool:
    """Whether all pixels are of one colour."""
    # hardly a picture has one colour along its middle
    middle = rgb.crop((0, rgb.height // 2, rgb.width, rgb.height // 2 + 1))
    bands = (pair for part in (middle, rgb) for pair in part.getextrema())
    return all(low == high for low, high in bands)  # type: ignore[misc]
