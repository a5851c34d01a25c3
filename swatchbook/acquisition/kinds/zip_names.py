"""Names in a zip file, whatever wrote it.

The format knows two encodings: UTF-8, where a flag says so, and that of an IBM PC (APPNOTE 6.3,
appendix D). Programs wrote others: macOS and many libraries UTF-8 without the flag, Windows the
code page of its country, PowerShell backslashes.
"""

import struct
import zipfile
import zlib

_UTF8 = 0x800
# Info-ZIP Unicode Path (APPNOTE 4.6.9)
_UNICODE_PATH = 0x7075


def of(entries: list[zipfile.ZipInfo]) -> list[str]:
    """The name of each entry, with slashes between its parts."""
    names = [_name(entry) for entry in entries]
    # a name may hold a backslash, but not where it is the only thing between folders
    if any("\\" in name for name in names) and not any("/" in name for name in names):
        return [name.replace("\\", "/") for name in names]
    return names


def guessed(entries: list[zipfile.ZipInfo]) -> list[str]:
    """Names in an encoding that nothing tells: they are read as an IBM PC's."""
    return [
        entry.filename
        for entry in entries
        if not entry.filename.isascii()
        and not entry.flag_bits & _UTF8
        and _name(entry) == entry.filename
    ]


def _name(entry: zipfile.ZipInfo) -> str:
    if entry.flag_bits & _UTF8 or entry.filename.isascii():
        return entry.filename
    raw = entry.filename.encode("cp437")  # as zipfile has decoded it
    try:
        return _unicode_path(entry.extra, raw) or raw.decode("utf-8")
    except UnicodeDecodeError:
        return entry.filename


def _unicode_path(extra: bytes, raw: bytes) -> str:
    while len(extra) >= 4:
        kind, length = struct.unpack("<HH", extra[:4])
        field, extra = extra[4 : 4 + length], extra[4 + length :]
        # it counts only for the name it was made for
        if kind == _UNICODE_PATH and field[1:5] == struct.pack("<L", zlib.crc32(raw)):
            return field[5:].decode("utf-8")
    return ""
