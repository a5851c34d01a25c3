"""Images of more than 8 bits a sample: which of their values are black and white.

A file says how many bits a sample has, not how many are used: those of a 12-bit camera fill a
sixteenth of 16 bits. ``Levels`` say it for a whole set, so that equal values stay equal.
"""

import io
from typing import Any

import numpy as np
from PIL import Image

from swatchbook.base.errors import ImageRefused
from swatchbook.images.frame import Levels

MOST = 65535
_CURE = "`refine_dnn.levels` says what is black and what white"
# Pillow keeps the first byte of each sample of two. What makes it keep the second instead: the
# other order of bytes ("N": the machine's own)
_SECOND = {
    f"{bands};16{order}": f"{bands};16{other}"
    for bands in ("RGB", "RGBA")
    for order, other in (("B", "L"), ("L", "B"), ("N", "B"))
}
# grey and alpha have no such pair: all four bytes, as if they were bands
_GREY_ALPHA = "LA;16B"
_BITS_PER_SAMPLE = 258


def raw_mode(image: Image.Image) -> str:
    """How samples stand in the file of an image that is open and not loaded; empty if unknown."""
    modes = {_mode(tile.args) for tile in getattr(image, "tile", [])}
    return modes.pop() if len(modes) == 1 else ""


def is_deep(image: Image.Image) -> bool:
    """Whether an image that is open and not loaded has more than 8 bits a sample."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return True
    return raw_mode(image) in (*_SECOND, _GREY_ALPHA)


def samples(
    image: Image.Image, raw: str, data: bytes, levels: Levels | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """All bits of a deep image, and those of its alpha where it has one.

    ``image`` is loaded, ``raw`` its ``raw_mode``, ``data`` its file. Colours are ``(h, w)`` or
    ``(h, w, 3)``, integers or floats; alpha is ``(h, w) uint16``.

    Raises:
        ImageRefused: ``unsupported`` where samples are no numbers.
    """
    if raw == _GREY_ALPHA:
        both = _opened(data, "RGBA")
        return _joined(both[..., 0], both[..., 1]), _joined(both[..., 2], both[..., 3])
    if raw in _SECOND:
        values = _joined(np.asarray(image), _opened(data, _SECOND[raw]))
        return values[..., :3], values[..., 3] if values.shape[2] == 4 else None
    values = np.asarray(image)
    if not np.isfinite(values).all():
        raise ImageRefused("unsupported", "some pixels are no numbers")
    if levels is None and image.format == "TIFF":
        # the file itself says that its white is 4095: it fills 16 bits as it fills 12
        is_of_12 = image.tag_v2.get(_BITS_PER_SAMPLE) == (12,)  # type: ignore[attr-defined]
        values = values << 4 if is_of_12 else values
    return values, None


def eight_bit(values: np.ndarray, levels: Levels | None) -> np.ndarray:
    """Colours as uint8: 0 at and below the first of the ``levels``, 255 at and above the second.

    Without levels, integers are of 16 bits, and floats go to 1 or, if any is greater, to 255.

    Raises:
        ImageRefused: ``unsupported`` where they don't fit into that.
    """
    whole = values.dtype.kind in "iu"
    low, high = levels or (0, MOST if whole else 1 if values.max() <= 1 else 255)
    if levels is None and (values.min() < low or values.max() > high):
        raise ImageRefused(
            "unsupported", f"pixels of {values.min():g} to {values.max():g}: {_CURE}"
        )
    above = values.astype(np.float64) - low
    if whole:
        # as many values for each of the 256: of 16 bits, the first 8
        return np.clip(np.floor(above * (256 / (high - low + 1))), 0, 255).astype(np.uint8)
    return np.clip(np.rint(above * (255 / (high - low))), 0, 255).astype(np.uint8)


def _joined(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    values: np.ndarray = (first.astype(np.uint16) << 8) | second
    return values


def _opened(data: bytes, raw: str) -> np.ndarray:
    with Image.open(io.BytesIO(data), formats=("PNG", "TIFF")) as image:
        image.tile = [tile._replace(args=_with_mode(tile.args, raw)) for tile in image.tile]
        return np.asarray(image)


def _mode(args: Any) -> str:
    return args if isinstance(args, str) else str(args[0])


def _with_mode(args: Any, raw: str) -> Any:
    return raw if isinstance(args, str) else (raw, *args[1:])
