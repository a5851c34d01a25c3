"""PNG files made by hand: what no encoder would write."""

import struct
import zlib

START = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk with its length and checksum."""
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def png(
    width: int, height: int, bits: int = 8, colour: int = 0, rows: bytes = b"", before: bytes = b""
) -> bytes:
    """A PNG of filtered ``rows``; ``before`` are chunks that stand before them."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(rows))
    return START + chunk(b"IHDR", header) + before + data + chunk(b"IEND", b"")


def with_chunk(data: bytes, extra: bytes, after: bool = False) -> bytes:
    """A PNG with a further chunk, before or after its pixels."""
    place = data.rindex(b"IEND") - 4 if after else data.index(b"IDAT") - 4
    return data[:place] + extra + data[place:]
