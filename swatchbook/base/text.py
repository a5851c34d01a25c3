"""Text that comes from file names and people and goes into tables."""

import unicodedata

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")


def as_text(name: bytes) -> str:
    """A file name as text: bytes that are no UTF-8 are escaped (``\\xff``)."""
    return name.decode("utf-8", "backslashreplace")


def normal(text: str) -> str:
    """Unicode normal form C: what macOS writes (é in two signs) and what people type are one."""
    return unicodedata.normalize("NFC", text)


def escaped(text: str) -> str:
    """``text`` for a spreadsheet, which would run some of it as a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
