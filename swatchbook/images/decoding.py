"""The one door for pixels: bytes become an upright 8-bit RGB image, or a reason for refusal.

Training, serving, the browser and Spark all come through here, so that they see the same numbers.

What it does to an image, always in this order:

1. Only JPEG (also MPO), PNG, WebP, BMP, GIF, TIFF and PPM/PGM/PBM are opened, whatever the file's
   name says; the size is checked from the header, before any pixel is decoded. A file whose pixels
   are all there is read though its end is missing (``mending``).
2. The first frame; of an animation whose first frame is blank, the first that isn't. A large JPEG
   may be scaled by 1/2, 1/4 or 1/8 in the decoder.
3. More than 8 bits are scaled to 8 by the levels of the set (``depth``).
4. Colours of a valid embedded ICC profile are converted to sRGB; a corrupt profile is ignored.
5. Transparency is laid over grey 114.
6. Turned upright by its EXIF orientation; an invalid orientation counts as upright.
"""

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import ExifTags, Image

from swatchbook.base.errors import ImageRefused
from swatchbook.images import colours, depth, formats, limits
from swatchbook.images.frame import Frame, Levels
from swatchbook.images.opening import DECODER_ERRORS, Opened, opened

# A change of any step above or of how Pillow is used must raise this: caches key on it
DOOR_VERSION = 2

# of an animation that begins blank: how far in it is looked for a picture
_MOST_FRAMES = 100


@dataclass(frozen=True)
class Facts:
    """What examining an image found; sides in pixels as shown (upright).

    ``peak`` is the greatest sample of an image of more than 8 bits, in whole numbers; 0 of others.
    """

    format: str
    width: int
    height: int
    peak: float = 0.0

    @property
    def extension(self) -> str:
        """The file name extension of the true format."""
        return formats.EXTENSIONS[self.format]


def examine(data: bytes, levels: Levels | None = None) -> tuple[Facts, Image.Image]:
    """Decode an untrusted image in full and check all of it.

    Returns its facts and the upright RGB image; ``levels`` are of images of more than 8 bits.
    Not for threads (it mutes warnings); hostile bytes can cost time and memory, so callers run
    it through ``sandbox``.

    Raises:
        ImageRefused: with the reason, one of ``limits.REASONS``.
    """
    with warnings.catch_warnings():
        # Pillow warns of corrupt metadata and big images: both are decided here
        warnings.simplefilter("ignore")
        file = opened(data, examined=False)
        kind = str(file.image.format)
        shown = _shown(file, levels, examined=False)
    return Facts(kind, shown.rgb.width, shown.rgb.height, shown.peak), shown.rgb


def decode(data: bytes, frame: Frame, *, examined: bool = True) -> np.ndarray:
    """Decode an image for a network: ``(side, side, 3) uint8`` RGB, as ``frame`` says.

    The decoder may scale a JPEG down, but never to less than twice the target: 55 to 60 dB
    against a full decode where it was measured.

    An image that was not ``examined`` before is checked as ``examine`` does, with its verdict
    and the same pixels; callers run that through ``sandbox``.

    Raises:
        ImageRefused: with the reason, one of ``limits.REASONS``.
    """
    counts = max if frame.resize == "pad" else min
    return frame.fit(_drafted(data, frame.side, counts, frame.levels, examined=examined))


def picture(data: bytes, side: int, levels: Levels | None = None) -> Image.Image:
    """An examined image for people: upright, in RGB, its longer side at most ``side``.

    Raises:
        ImageRefused: with the reason, one of ``limits.REASONS``.
    """
    rgb = _drafted(data, side, max, levels, examined=True)
    scale = side / max(rgb.size)
    if scale >= 1:
        return rgb
    size = max(1, round(rgb.width * scale)), max(1, round(rgb.height * scale))
    return rgb.resize(size, Image.Resampling.BILINEAR)


def reduced(image: Image.Image, max_side: int) -> bytes:
    """An upright RGB image with its longer side reduced to ``max_side``, as a JPEG."""
    # a long and narrow one keeps its shape and the least side that the door accepts
    scale = max(max_side / max(image.size), limits.MIN_SIDE / min(image.size))
    size = round(image.width * scale), round(image.height * scale)
    out = io.BytesIO()
    # without chroma subsampling: the loss stays far below what a network's input loses
    image.resize(size, Image.Resampling.LANCZOS).save(out, "JPEG", quality=95, subsampling=0)
    return out.getvalue()


def _drafted(
    data: bytes,
    side: int,
    counts: Callable[[tuple[int, int]], int],
    levels: Levels | None,
    *,
    examined: bool,
) -> Image.Image:
    """Decoded at a size of which the side that ``counts`` is at least twice ``side``, if it is."""
    file, scale = opened(data, examined=examined), 1.0
    if file.image.format in ("JPEG", "MPO"):
        width, height = file.image.size
        scale = 2 * side / counts((width, height))
        if scale < 1:
            file.image.draft(None, (round(width * scale), round(height * scale)))
    try:
        return _shown(file, levels, examined=examined).rgb
    except ImageRefused as refused:
        if refused.reason != "blank" or scale >= 1:
            raise
        # what the smaller image doesn't show may be there in the larger one, which decides
        examine(data, levels)
        return _shown(file, levels, examined=True).rgb


@dataclass(frozen=True)
class _Shown:
    """What is seen of one frame, upright. Whether it is blank is unknown (False) where nobody
    asked. ``peak``: see ``Facts``.
    """

    rgb: Image.Image
    is_blank: bool
    peak: float = 0.0


def _shown(file: Opened, levels: Levels | None, *, examined: bool) -> _Shown:
    """The picture: the first frame, or of an animation that begins blank the first that isn't.

    Raises:
        ImageRefused: where it can't be had, or is blank and was not ``examined``.
    """
    moves = _moves(file.image)
    shown = _frame(file, levels, moves or not examined)
    if shown.is_blank and moves:
        shown = _later(file) or shown
    if shown.is_blank and not examined:
        raise ImageRefused("blank")
    return shown


def _moves(image: Image.Image) -> bool:
    # to know it of a GIF, its second frame would have to be read
    return image.format == "GIF" or (
        image.format in ("PNG", "WEBP") and getattr(image, "n_frames", 1) > 1
    )


def _later(file: Opened) -> _Shown | None:
    """The first frame after the first one that isn't blank, as far as frames can be read."""
    # the others are composed of what came before, of 8 bits
    file.raw, file.is_deep = "", False
    for number in range(1, _MOST_FRAMES):
        try:
            file.image.seek(number)
            shown = _frame(file, None, True)
        except (*DECODER_ERRORS, ImageRefused):
            return None
        if not shown.is_blank:
            return shown
    return None


def _frame(file: Opened, levels: Levels | None, asks: bool) -> _Shown:
    """The frame that ``file`` stands at; ``asks`` whether it is blank."""
    file.load()
    image, peak, is_blank = file.image, 0.0, False
    try:
        if file.is_deep:
            values, deep_alpha = depth.samples(image, file.raw, file.data, levels)
            key = image.info.get("transparency")
            shown, alpha = colours.deep_parts(values, deep_alpha, key, levels)
            peak = float(values.max()) if values.dtype.kind in "iu" else 0.0
            # few levels of many may be one of 8 bits: no reason to call it blank
            is_blank = alpha is None and values.min() == values.max()
        else:
            shown, alpha = colours.parts(image, file.raw)
        rgb = colours.srgb(shown, file.profile or image.info.get("icc_profile"))
        if alpha is not None:
            rgb = colours.over_grey(rgb, alpha)
            is_blank = alpha.getextrema() == (0, 0)
    except DECODER_ERRORS as error:
        raise ImageRefused("unsupported", str(error)) from None
    if asks and not file.is_deep:
        is_blank |= colours.is_blank(rgb)
    return _Shown(_upright(rgb, image), is_blank, peak)


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}  # fmt: skip


def _upright(rgb: Image.Image, image: Image.Image) -> Image.Image:
    """The pixels of ``image``, turned as its EXIF says."""
    try:
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except DECODER_ERRORS:  # corrupt EXIF says nothing about the pixels
        return rgb
    return rgb if turn is None else rgb.transpose(turn)
