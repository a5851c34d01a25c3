"""Names in a zip file, whatever wrote it."""

import struct
import zipfile
import zlib

import pytest

from swatchbook.acquisition.kinds import zip_names


def entry(raw: bytes, flags: int = 0, extra: bytes = b"") -> zipfile.ZipInfo:
    """As zipfile reads one."""
    made = zipfile.ZipInfo(raw.decode("utf-8" if flags else "cp437"))
    made.flag_bits, made.extra = flags, extra
    return made


@pytest.mark.parametrize(
    ("raw", "flags", "name"),
    [
        (b"a/b.png", 0, "a/b.png"), ("caf\xe9/1".encode(), 0x800, "caf\xe9/1"),
        ("cafe\u0301/1".encode(), 0, "cafe\u0301/1"), ("caf\xe9/1".encode("cp437"), 0, "caf\xe9/1"),
    ],
)  # fmt: skip
def test_names_are_read_as_they_were_written(raw: bytes, flags: int, name: str) -> None:  # D10
    assert zip_names.of([entry(raw, flags)]) == [name]


def test_the_name_in_unicode_that_some_write_beside_is_taken() -> None:
    raw = b"\x93\xfa/1"
    field = b"\1" + struct.pack("<L", zlib.crc32(raw)) + "日/1".encode()
    extra = struct.pack("<HH", 0x7075, len(field)) + field
    assert zip_names.of([entry(raw, extra=extra)]) == ["日/1"]
    stale = extra.replace(struct.pack("<L", zlib.crc32(raw)), b"\0\0\0\0")
    assert zip_names.of([entry(raw, extra=stale)]) == [raw.decode("cp437")]


def test_backslashes_separate_where_nothing_else_does() -> None:
    made = [entry(b"a\\b.png"), entry(b"c\\d.png")]
    assert zip_names.of(made) == ["a/b.png", "c/d.png"]
    assert zip_names.of([*made, entry(b"e/f.png")]) == ["a\\b.png", "c\\d.png", "e/f.png"]


def test_names_that_nothing_tells_the_encoding_of_are_told() -> None:
    shift_jis = entry("\u65e5/1".encode("shift-jis"))
    assert zip_names.guessed([entry(b"a"), shift_jis]) == [shift_jis.filename]
    assert zip_names.guessed([entry("caf\xe9".encode())]) == []
