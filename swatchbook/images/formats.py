"""Which formats are read, and what a file that is none of them is, by its first bytes."""

import re
import struct

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
EXTENSIONS = {
    "JPEG": "jpg", "MPO": "jpg", "PNG": "png", "WEBP": "webp", "BMP": "bmp", "DIB": "bmp",
    "GIF": "gif", "TIFF": "tif", "PPM": "ppm",
}  # fmt: skip
_ALSO = ("jpeg", "jpe", "jfif", "tiff", "pgm", "pbm", "pnm")
SUFFIXES = frozenset(f".{name}" for name in (*EXTENSIONS.values(), *_ALSO))

PNG_START = b"\x89PNG\r\n\x1a\n"
_STARTS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*")
_NETPBM = re.compile(rb"P[1-6]\s+(?:#[^\n]*\n\s*)*\d")
# Known to be something, but nothing that is read
_FOREIGN = (
    b"%PDF", b"%!PS", b"\xc5\xd0\xd3\xc6", b"<svg", b"8BPS", b"\x00\x00\x01\x00", b"icns", b"DDS ",
    b"SIMPLE  =", b"\xff\x0a", b"\0\0\0\x0cJXL ", b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51",
    b"\x76\x2f\x31\x01", b"\xd7\xcd\xc6\x9a", b"BLP", b"qoif", b"\x01\xda\0", b"\x01\xda\x01",
    b"/* XPM */", b"gimp xcf", b"AT&TFORM", b"II+\0", b"MM\0+", b"\x0e\x03\x13\x01",
)  # fmt: skip
_FOREIGN_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis")
# at 128: medical images
_DICOM = b"DICM"
_TGA_END = b"TRUEVISION-XFILE.\0"


def extension_of(data: bytes) -> str:
    """The usual ending of the name of a file that begins so, by what ``looks_like_image`` tells;
    ``ppm`` of what is none of the others."""
    starts = {b"\xff\xd8\xff": "jpg", b"\x89PNG": "png", b"GIF8": "gif", b"BM": "bmp",
              b"II*\0": "tif", b"MM\0*": "tif", b"RIFF": "webp"}  # fmt: skip
    return next((name for start, name in starts.items() if data.startswith(start)), "ppm")


def looks_like_image(data: bytes) -> bool:
    """Whether the first bytes are those of a format that is read."""
    return (
        data.startswith(_STARTS)
        or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")
        or _NETPBM.match(data) is not None
    )


def why_unidentified(data: bytes) -> str:
    """The reason (of ``decoding.REASONS``) for bytes that no decoder takes for its own."""
    head = data[:1024].lstrip().removeprefix(b"\xef\xbb\xbf")
    if data[4:8] == b"ftyp" and data[8:12] in _FOREIGN_BRANDS:
        return "unsupported_format"
    if data.startswith(_FOREIGN) or head.startswith(_FOREIGN):
        return "unsupported_format"
    if (head.startswith(b"<?xml") and b"<svg" in head) or data[128:132] == _DICOM:
        return "unsupported_format"
    if _is_pcx(data) or _is_tga(data):
        return "unsupported_format"
    return "corrupt" if looks_like_image(head) else "not_image"


def _is_pcx(data: bytes) -> bool:
    # manufacturer, version, run lengths or not, bits of a sample (ZSoft's technical reference)
    return (
        len(data) > 128
        and data[0] == 10
        and data[1] in (0, 2, 3, 4, 5)
        and data[2] in (0, 1)
        and data[3] in (1, 2, 4, 8)
    )


def _is_tga(data: bytes) -> bool:
    """By its footer; of those without one, the size of uncompressed pixels tells."""
    if data.endswith(_TGA_END):
        return True
    if len(data) < 18:
        return False
    length, colour_map, kind = data[:3]
    entries, entry_bits = struct.unpack("<HB", data[5:8])
    width, height, bits = struct.unpack("<HHB", data[12:17])
    if colour_map not in (0, 1) or kind not in (1, 2, 3) or bits not in (8, 15, 16, 24, 32):
        return False
    palette = colour_map * entries * ((entry_bits + 7) // 8)
    size: int = 18 + length + palette + width * height * ((bits + 7) // 8)
    return len(data) == size
