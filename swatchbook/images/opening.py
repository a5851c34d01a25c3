"""From bytes to an open image of Pillow, or the reason why it can't be had."""

import io
import struct
import zlib
from dataclasses import dataclass

from PIL import Image, ImageCms, TiffImagePlugin, UnidentifiedImageError

from swatchbook.base.errors import ImageRefused
from swatchbook.images import depth, formats, limits, mending

# What Pillow's parsers raise on bad bytes, by its fuzz tests and by ours
DECODER_ERRORS = (
    OSError, SyntaxError, ValueError, NotImplementedError, OverflowError, EOFError, LookupError,
    TypeError, AttributeError, ZeroDivisionError, struct.error, zlib.error, ImageCms.PyCMSError,
)  # fmt: skip
# baseline, extended and progressive with Huffman codes: the others depend on how the decoder
# was built, and the verdict on an image must not
_JPEG_PROCESSES = (0xC0, 0xC1, 0xC2)


@dataclass
class Opened:
    """An image that is open and not loaded, and its file, which may have been mended."""

    image: Image.Image
    data: bytes
    profile: bytes

    def __post_init__(self) -> None:
        self.raw = depth.raw_mode(self.image)
        self.is_deep = depth.is_deep(self.image)

    def load(self) -> None:
        """Decode. A JPEG that lacks nothing but its end is mended.

        Raises:
            ImageRefused: with the reason.
        """
        try:
            self.image.load()
        except MemoryError as error:
            raise ImageRefused("decoder_crash", "out of memory") from error
        except DECODER_ERRORS as error:
            reason = _why_failed(error)
            if reason != "truncated" or not self._is_mended():
                raise ImageRefused(reason, str(error)) from None

    def _is_mended(self) -> bool:
        size = self.image.size
        try:
            data = mending.jpeg(self.data) if self.image.format == "JPEG" else None
            if data is None:
                return False
            image = _image(data)
            image.draft(None, size)  # as small as it was to be
            image.load()
        except (*DECODER_ERRORS, ImageRefused):
            return False
        self.image, self.data = image, data
        return True


def opened(data: bytes, *, examined: bool) -> Opened:
    """An image that is open and not loaded; where it was not ``examined``, its checksums are right.

    Raises:
        ImageRefused: with the reason, by its header.
    """
    if not data:
        raise ImageRefused("empty")
    if len(data) > limits.MAX_BYTES:
        raise ImageRefused("too_large")
    mended = mending.Png(data)
    if data.startswith(formats.PNG_START):
        mended = mending.png(data)
        if not examined:
            _check_checksums(mended.data)
    image = _image(mended.data)
    if image.format in ("JPEG", "MPO") and mending.jpeg_process(data) not in _JPEG_PROCESSES:
        raise ImageRefused("unsupported", "arithmetic, lossless or hierarchical JPEG")
    width, height = image.size
    if width * height > limits.MAX_PIXELS:
        raise ImageRefused("too_many_pixels", f"{width} × {height}")
    if min(width, height) < limits.MIN_SIDE:
        raise ImageRefused("too_small", f"{width} × {height}")
    if max(width, height) > limits.MAX_ASPECT * min(width, height):
        raise ImageRefused("aspect", f"{width} × {height}")
    return Opened(image, *mended)


def _image(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=formats.FORMATS)
    except Image.DecompressionBombError as error:
        raise ImageRefused("too_many_pixels", str(error)) from None
    except UnidentifiedImageError:
        raise ImageRefused(*_why_unopened(data)) from None
    except DECODER_ERRORS as error:
        raise ImageRefused("corrupt", str(error)) from None


def _why_unopened(data: bytes) -> tuple[str, str]:
    reason = formats.why_unidentified(data)
    if reason == "corrupt" and data[:2] in (b"II", b"MM"):
        # of the formats with many kinds of pixels, what its own reader says
        try:
            TiffImagePlugin.TiffImageFile(io.BytesIO(data))
        except DECODER_ERRORS as error:
            if str(error) == "unknown pixel mode":
                return "unsupported", "pixels of a kind that is not read, as of 64 bits"
    return reason, ""


def _check_checksums(data: bytes) -> None:
    # decoding alone lets a PNG with a wrong checksum pass; the policy is to refuse it
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            if image.width * image.height <= limits.MAX_PIXELS:
                image.verify()
    except Image.DecompressionBombError:
        return
    except DECODER_ERRORS as error:
        raise ImageRefused(_why_failed(error), str(error)) from None


def _why_failed(error: Exception) -> str:
    text = str(error).lower()
    if any(word in text for word in ("truncated", "not enough", "unexpected end", "incomplete")):
        return "truncated"
    if isinstance(error, EOFError):
        return "truncated"
    if any(word in text for word in ("unsupported", "not supported", "not implemented")):
        return "unsupported"
    return "corrupt"
