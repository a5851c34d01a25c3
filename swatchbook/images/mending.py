"""What is wrong with a file, but not with its pixels, put right before it is decoded.

A PNG or JPEG whose rows are all there but whose end is missing; and a PNG with more text than
Pillow reads, or with a colour profile longer than it reads in PNG alone.
"""

import io
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from PIL import Image, PngImagePlugin

from swatchbook.images.formats import PNG_START

_IEND = b"\0\0\0\0IEND\xaeB`\x82"
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_PIXELS = (b"IHDR", b"PLTE", b"IDAT")
# one of a printer, with tables, has a few
_MOST_PROFILE = 16 * 2**20
# with names and languages, a text may take twice its length
_MOST_TEXTS = PngImagePlugin.MAX_TEXT_MEMORY // 2
_EOI = b"\xff\xd9"
# start of frame: baseline and extended; start of scan; restart interval (ITU-T T.81, table B.1)
_SEQUENTIAL, _SCAN, _RESTARTS = (0xC0, 0xC1), 0xDA, 0xDD
# bits that a decoder would take for pixels if any were missing
_FILLS = (b"", b"\x55" * 64, b"\xaa" * 64)


class Png(NamedTuple):
    """The bytes of a PNG that can be opened, and its profile where that had to be taken out."""

    data: bytes
    profile: bytes = b""


class _Chunk(NamedTuple):
    kind: bytes
    content: memoryview
    whole: memoryview
    is_cut: bool


def png(data: bytes) -> Png:
    """A PNG with its end, and without texts that are too long: the same bytes where it was fine.

    Checksums are left for who reads the pixels.
    """
    kept: list[bytes | memoryview] = [PNG_START]
    profile, texts, kinds = b"", 0, set()
    dropped = ended = False
    for chunk in _chunks(data):
        if chunk.is_cut and (b"IDAT" not in kinds or chunk.kind in _PIXELS):
            return Png(data)
        kinds.add(chunk.kind)
        drops = chunk.is_cut
        if chunk.kind in _TEXTS:
            size = _text_size(chunk)
            texts += size
            drops |= size > PngImagePlugin.MAX_TEXT_CHUNK or texts > _MOST_TEXTS
        elif chunk.kind == b"iCCP":
            packed = _after(chunk.content, 1, 1)
            if _unpacked(packed) is None:
                profile, drops = _unpacked(packed, _MOST_PROFILE) or b"", True
        ended = chunk.kind == b"IEND" and not chunk.is_cut
        if ended:
            break
        dropped |= drops
        if not drops:
            kept.append(chunk.whole)
    if b"IDAT" not in kinds or (ended and not dropped):
        return Png(data)
    return Png(b"".join([*kept, _IEND]), profile)


def _chunks(data: bytes) -> Iterator[_Chunk]:
    view, position = memoryview(data), len(PNG_START)
    while position < len(data):
        kind = data[position + 4 : position + 8]
        end = position + 12 + int.from_bytes(data[position : position + 4], "big")
        is_cut = len(kind) < 4 or end > len(data)
        yield _Chunk(kind, view[position + 8 : end - 4], view[position:end], is_cut)
        position = end


def _text_size(chunk: _Chunk) -> int:
    """Of the text, unpacked, as far as it is read; more where it is too long."""
    if chunk.kind == b"tEXt":
        return len(chunk.content)
    if chunk.kind == b"zTXt":
        packed = _after(chunk.content, 1, 1)
    else:
        name = bytes(chunk.content[:80]).find(b"\0")
        if bytes(chunk.content[name + 1 : name + 2]) != b"\1":
            return len(chunk.content)
        packed = _after(chunk.content[name + 3 :], 2, 0)
    text = _unpacked(packed)
    return PngImagePlugin.MAX_TEXT_CHUNK + 1 if text is None else len(text)


def _after(content: memoryview, zeros: int, skipped: int) -> memoryview:
    """What follows so many texts that end with a zero, and so many bytes more."""
    for _ in range(zeros):
        content = content[bytes(content[:1000]).find(b"\0") + 1 :]
    return content[skipped:]


def _unpacked(packed: memoryview, most: int = PngImagePlugin.MAX_TEXT_CHUNK) -> bytes | None:
    """What was compressed; empty where it is damaged, None where it is longer than ``most``."""
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(packed, most)
    except zlib.error:
        return b""
    return None if unpacking.unconsumed_tail else content


def jpeg(data: bytes) -> bytes | None:
    """A JPEG without an end, with one; None where pixels are missing too.

    Whatever follows the last pixel doesn't count, so it is put there: where pixels are missing,
    a decoder takes it for them, and the image changes. A progressive JPEG may lack a whole pass
    over its pixels, and one with restarts a whole interval, which nothing shows: they aren't
    mended.
    """
    if not _is_one_piece(data):
        return None
    # half of the missing marker
    ended = data.removesuffix(b"\xff")
    seen = set()
    for fill in _FILLS:
        with Image.open(io.BytesIO(ended + fill + _EOI), formats=("JPEG",)) as image:
            seen.add(image.tobytes())
    return ended + _EOI if len(seen) == 1 else None


def jpeg_markers(data: bytes) -> Iterator[tuple[int, memoryview]]:
    """The markers of a JPEG's first image with what they hold, up to its first scan."""
    position, view = 2, memoryview(data)
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        yield marker, view[position + 4 : end]
        if marker == _SCAN:
            return
        position = end


def jpeg_process(data: bytes) -> int:
    """The start-of-frame marker of a JPEG's first image (ITU-T T.81, table B.1); 0 without one."""
    return next((m for m, _ in jpeg_markers(data) if _is_frame(m)), 0)


def _is_frame(marker: int) -> bool:
    return 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)


def _is_one_piece(data: bytes) -> bool:
    """Whether the pixels come in one pass, all colours together, without restarts."""
    components = 0
    for marker, content in jpeg_markers(data):
        if _is_frame(marker):
            if marker not in _SEQUENTIAL or len(content) < 6:
                return False
            components = content[5]
        elif marker == _RESTARTS and any(content):
            return False
        elif marker == _SCAN:
            return len(content) > 0 and content[0] == components > 0
    return False
