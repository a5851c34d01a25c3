"""The one door for pixels: bytes become an upright 8-bit RGB image, or a reason for refusal.

Training, serving, the browser and Spark all come through here, so that they see the same numbers.

What it does to an image, always in this order:

1. Only JPEG (also MPO), PNG, WebP, BMP, GIF and TIFF are opened, whatever the file's name says;
   the size is checked from the header, before any pixel is decoded.
2. First frame only. A large JPEG may be scaled by 1/2, 1/4 or 1/8 in the decoder.
3. Turned upright by its EXIF orientation; an invalid orientation counts as upright.
4. Colours of a valid embedded ICC profile are converted to sRGB; a corrupt profile is ignored.
5. 16 bits are scaled to 8 (never clipped); transparency is laid over grey 114.
"""

import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from swatchbook.errors import ImageRefused

# A change of any step above or of how Pillow is used must raise this: caches key on it
DOOR_VERSION = 1

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
EXTENSIONS = {
    "JPEG": "jpg", "MPO": "jpg", "PNG": "png", "WEBP": "webp", "BMP": "bmp", "DIB": "bmp",
    "GIF": "gif", "TIFF": "tif",
}  # fmt: skip
SUFFIXES = frozenset(f".{name}" for name in (*EXTENSIONS.values(), "jpeg", "jpe", "jfif", "tiff"))
MAX_BYTES = 100 * 2**20
MAX_PIXELS = 50_000_000
MIN_SIDE = 8
MAX_ASPECT = 50
# ImageNet's mean grey: padding and transparency must look like nothing to the network
GREY = 114

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

# Known to be something, but not something this door opens
_FOREIGN = (
    b"%PDF", b"%!PS", b"\xc5\xd0\xd3\xc6", b"<svg", b"8BPS", b"\x00\x00\x01\x00", b"icns", b"DDS ",
    b"SIMPLE  =", b"\xff\x0a", b"\0\0\0\x0cJXL ", b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51",
    b"\x76\x2f\x31\x01", b"\xd7\xcd\xc6\x9a", b"BLP", b"qoif",
)  # fmt: skip
_FOREIGN_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis")


@dataclass(frozen=True)
class Facts:
    """What examining an image found; sides in pixels as shown (upright)."""

    format: str
    width: int
    height: int

    @property
    def extension(self) -> str:
        """The file name extension of the true format."""
        return EXTENSIONS[self.format]


def examine(data: bytes) -> tuple[Facts, Image.Image]:
    """Decode an untrusted image in full and check all of it.

    Returns its facts and the upright RGB image. Not for threads (it mutes warnings); hostile
    bytes can cost time and memory, so callers run it through ``sandbox``.

    Raises:
        ImageRefused: with the reason, one of ``REASONS``.
    """
    with warnings.catch_warnings():
        # Pillow warns of corrupt metadata and big images: both are decided here
        warnings.simplefilter("ignore")
        _check_checksums(data)
        image = _open(data)
        kind = str(image.format)
        rgb = _upright_rgb(image, refuse_blank=True)
    return Facts(kind, rgb.width, rgb.height), rgb


def decode(data: bytes, resolution: int, resize: str, *, examined: bool = True) -> np.ndarray:
    """Decode an image for a network: ``(resolution, resolution, 3) uint8`` RGB.

    ``resize`` is ``pad`` (whole image, centred on grey 114), ``crop`` (centre) or ``stretch``;
    all resample bilinearly with antialiasing. The decoder may scale a JPEG down, but never to
    less than twice the target: 55 to 60 dB against a full decode where it was measured.

    An image that was not ``examined`` before is checked as ``examine`` does, with its verdict
    and the same pixels; callers run that through ``sandbox``.

    Raises:
        ImageRefused: with the reason, one of ``REASONS``.
    """
    if not examined:
        _check_checksums(data)
    image = _open(data)
    scale = 1.0
    if image.format in ("JPEG", "MPO"):
        side = max(image.size) if resize == "pad" else min(image.size)
        scale = 2 * resolution / side
        if scale < 1:
            image.draft(None, (round(image.width * scale), round(image.height * scale)))
    try:
        rgb = _upright_rgb(image, refuse_blank=not examined)
    except ImageRefused as refused:
        if refused.reason != "blank" or scale >= 1:
            raise
        # what the smaller image doesn't show may be there in the larger one, which decides
        examine(data)
        rgb = _upright_rgb(image, refuse_blank=False)
    return fit(rgb, resolution, resize)


def reduced(image: Image.Image, max_side: int) -> bytes:
    """An upright RGB image with its longer side reduced to ``max_side``, as a JPEG."""
    # a long and narrow one keeps its shape and the least side that the door accepts
    scale = max(max_side / max(image.size), MIN_SIDE / min(image.size))
    size = round(image.width * scale), round(image.height * scale)
    out = io.BytesIO()
    # without chroma subsampling: the loss stays far below what a network's input loses
    image.resize(size, Image.Resampling.LANCZOS).save(out, "JPEG", quality=95, subsampling=0)
    return out.getvalue()


def fit(image: Image.Image, resolution: int, resize: str) -> np.ndarray:
    """Make an RGB image square: see ``decode``."""
    bilinear = Image.Resampling.BILINEAR
    width, height = image.size
    if resize == "stretch":
        return np.asarray(image.resize((resolution, resolution), bilinear))
    if resize == "crop":
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        box = (left, top, left + side, top + side)
        return np.asarray(image.resize((resolution, resolution), bilinear, box=box))
    scale = resolution / max(width, height)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    square = np.full((resolution, resolution, 3), GREY, np.uint8)
    left, top = (resolution - inner[0]) // 2, (resolution - inner[1]) // 2
    square[top : top + inner[1], left : left + inner[0]] = np.asarray(image.resize(inner, bilinear))
    return square


def _open(data: bytes) -> Image.Image:
    if not data:
        raise ImageRefused("empty")
    if len(data) > MAX_BYTES:
        raise ImageRefused("too_large")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise ImageRefused("too_many_pixels", str(error)) from None
    except UnidentifiedImageError:
        raise ImageRefused(_why_unidentified(data)) from None
    except _DECODER_ERRORS as error:
        raise ImageRefused("corrupt", str(error)) from None
    if image.format in ("JPEG", "MPO") and _jpeg_process(data) not in _JPEG_PROCESSES:
        raise ImageRefused("unsupported", "arithmetic, lossless or hierarchical JPEG")
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ImageRefused("too_many_pixels", f"{width} × {height}")
    if min(width, height) < MIN_SIDE:
        raise ImageRefused("too_small", f"{width} × {height}")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise ImageRefused("aspect", f"{width} × {height}")
    return image


# What Pillow's parsers raise on bad bytes, by its fuzz tests and by ours
_DECODER_ERRORS = (
    OSError, SyntaxError, ValueError, NotImplementedError, OverflowError, EOFError, LookupError,
    TypeError, AttributeError, ZeroDivisionError, struct.error, zlib.error, ImageCms.PyCMSError,
)  # fmt: skip


# baseline, extended and progressive with Huffman codes: the others depend on how the decoder
# was built, and the verdict on an image must not
_JPEG_PROCESSES = (0xC0, 0xC1, 0xC2)


def _jpeg_process(data: bytes) -> int:
    """The start-of-frame marker of a JPEG's first image (ITU-T T.81, table B.1); 0 without one."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return marker
        if marker == 0xFF:  # fill byte
            position += 1
        else:
            position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return 0


def _why_unidentified(data: bytes) -> str:
    head = data[:1024].lstrip().removeprefix(b"\xef\xbb\xbf")
    if data[4:8] == b"ftyp" and data[8:12] in _FOREIGN_BRANDS:
        return "unsupported_format"
    if head.startswith(_FOREIGN) or (head.startswith(b"<?xml") and b"<svg" in head):
        return "unsupported_format"
    if head.startswith((b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*")):
        return "corrupt"
    return "not_image"


def _check_checksums(data: bytes) -> None:
    # decoding alone lets a PNG with a wrong checksum pass; the policy is to refuse it
    if not data.startswith(b"\x89PNG"):
        return
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            if image.width * image.height <= MAX_PIXELS:
                image.verify()
    except Image.DecompressionBombError:
        return
    except _DECODER_ERRORS as error:
        raise ImageRefused(_why_failed(error), str(error)) from None


def _upright_rgb(image: Image.Image, *, refuse_blank: bool) -> Image.Image:
    try:
        image.load()
    except MemoryError as error:
        raise ImageRefused("decoder_crash", "out of memory") from error
    except _DECODER_ERRORS as error:
        raise ImageRefused(_why_failed(error), str(error)) from None
    try:
        rgb = _over_grey(_srgb(_eight_bit(_upright(image))), refuse_blank)
    except _DECODER_ERRORS as error:
        raise ImageRefused("unsupported", str(error)) from None
    if refuse_blank and all(low == high for low, high in _extrema(rgb)):
        raise ImageRefused("blank")
    return rgb


def _why_failed(error: Exception) -> str:
    text = str(error).lower()
    if any(word in text for word in ("truncated", "not enough", "unexpected end", "incomplete")):
        return "truncated"
    if isinstance(error, EOFError):
        return "truncated"
    if any(word in text for word in ("unsupported", "not supported", "not implemented")):
        return "unsupported"
    return "corrupt"


def _upright(image: Image.Image) -> Image.Image:
    try:
        upright = ImageOps.exif_transpose(image)
    except _DECODER_ERRORS:  # corrupt EXIF says nothing about the pixels
        return image
    # a transposed copy keeps neither: the profile and transparency belong to the pixels
    upright.info = image.info
    return upright


def _eight_bit(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode == "I":
        return _scaled(np.asarray(image).astype(np.float64), ceilings=(65535,))
    if image.mode == "F":
        return _scaled(np.asarray(image).astype(np.float64), ceilings=(1, 255))
    return image


def _scaled(values: np.ndarray, ceilings: tuple[int, ...]) -> Image.Image:
    if not np.isfinite(values).all() or values.min() < 0:
        raise ImageRefused("unsupported", "pixels are negative or no numbers")
    for ceiling in ceilings:
        if values.max() <= ceiling:
            return Image.fromarray((values * (255 / ceiling)).astype(np.uint8))
    raise ImageRefused("unsupported", f"pixels of up to {values.max():g}")


def _srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "CMYK", "L"):
        return image
    transform = _to_srgb(profile, image.mode)
    if transform is None:
        return image
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


def _over_grey(image: Image.Image, refuse_blank: bool) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        if refuse_blank and rgba.getchannel("A").getextrema() == (0, 0):
            raise ImageRefused("blank", "fully transparent")
        ground = Image.new("RGBA", rgba.size, (GREY, GREY, GREY, 255))
        return Image.alpha_composite(ground, rgba).convert("RGB")
    return image.convert("RGB")


def _extrema(rgb: Image.Image) -> list[tuple[int, int]]:
    return [rgb.getchannel(band).getextrema() for band in "RGB"]  # type: ignore[misc]
