"""Lists of URLs: one image a row, with its class, as text that people and spreadsheets write."""

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from swatchbook.errors import DataError
from swatchbook.sources.candidate import check_label, located

_LONGEST_LINE = 100_000
COLUMNS = ("label", "url", "sha256", "licence", "author", "query", "rank")


@dataclass(frozen=True)
class Row:
    """One image of a list; all but ``label`` and ``url`` may be empty.

    ``sha256`` pins the file's content; ``query`` and ``rank`` tell which search found it.
    """

    label: str
    url: str
    sha256: str = ""
    licence: str = ""
    author: str = ""
    query: str = ""
    rank: str = ""


def read(location: str) -> list[Row]:
    """The rows of a file: label and URL, separated by a tab or a comma.

    A first line with the names ``label`` and ``url`` may name more columns (``COLUMNS``). Blank
    lines and those that begin with ``#`` are passed over; so is a byte order mark.

    Raises:
        DataError: where the file can't be read as text, or a line is no row: it is named.
    """
    path = located(location)
    rows: list[Row] = []
    names: list[str] = []
    for number, fields in _lines(path):
        if not names:
            names, is_header = _names(path, number, fields)
            if is_header:
                continue
        row = dict(zip(names, (field.strip() for field in fields), strict=False))
        if len(fields) > len(names) or not row.get("label") or not row.get("url"):
            raise DataError(
                f"{path}, line {number}: {_short(fields)!r} is not {' and '.join(names)}"
            )
        row["label"] = check_label(row["label"], f"{path}, line {number}: class")
        rows.append(Row(**row))
    if not rows:
        raise DataError(f"{path}: names no image")
    return rows


def _names(path: Path, number: int, fields: list[str]) -> tuple[list[str], bool]:
    names = [field.strip().lower() for field in fields]
    if not {"label", "url"} <= set(names):
        return ["label", "url"], False
    if len(set(names)) < len(names):
        raise DataError(f"{path}, line {number}: a column is named twice: {', '.join(names)}")
    if unknown := [name for name in names if name not in COLUMNS]:
        raise DataError(
            f"{path}, line {number}: column {unknown[0]!r} is not known. "
            f"Known: {', '.join(COLUMNS)}"
        )
    return names, True


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The fields of each line that has any, with its number from 1."""
    delimiter = ""
    for number, line in enumerate(text(path), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        if len(line) > _LONGEST_LINE:
            raise DataError(f"{path}, line {number}: more than {_LONGEST_LINE} characters")
        if "\0" in line:
            raise DataError(f"{path}, line {number}: a NUL character; is it a text file?")
        delimiter = delimiter or ("\t" if "\t" in line else ",")
        if delimiter == "\t":
            yield number, line.split("\t")
            continue
        try:
            (fields,) = csv.reader([line], strict=True)
        except (csv.Error, ValueError) as error:
            raise DataError(f"{path}, line {number}: {error}") from None
        yield number, fields


def text(path: Path) -> list[str]:
    """The lines of a text file in UTF-8 or UTF-16. Raises DataError where it is none."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"acquire.source: {str(path)!r}: {error.strerror}") from None
    # spreadsheets write UTF-8 with a mark, or UTF-16
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        number = data[: error.start].count(b"\n") + 1
        raise DataError(f"{path}, line {number}: not UTF-8 text: {error.reason}") from None
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _short(fields: list[str]) -> str:
    text = "\t".join(fields)
    return text if len(text) <= 80 else f"{text[:77]}…"
