"""Lists of URLs: one image a row, with its class, as text that people and spreadsheets write."""

from dataclasses import dataclass
from pathlib import Path

from swatchbook.acquisition.candidate import check_label, located
from swatchbook.base import lists
from swatchbook.base.errors import DataError

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
    """The rows of a file: label and URL, separated by a tab, a semicolon or a comma.

    A first line with the names ``label`` and ``url`` may name more columns (``COLUMNS``). Blank
    lines and those that begin with ``#`` are passed over; so is a byte order mark.

    Raises:
        DataError: where the file can't be read as text, or a line is no row: it is named.
    """
    path = located(location)
    rows: list[Row] = []
    names: list[str] = []
    for number, fields in lists.rows_of(lists.lines_of(path), path):
        if not names:
            names, is_header = _names(path, number, fields)
            if is_header:
                continue
        row = dict(zip(names, fields, strict=False))
        if len(fields) > len(names) or not row.get("label") or not row.get("url"):
            raise DataError(
                f"{path}, line {number}: {_short(fields)!r} is not {' and '.join(names)}; "
                "give it as many fields"
            )
        row["label"] = check_label(row["label"], f"{path}, line {number}: class")
        rows.append(Row(**row))
    if not rows:
        raise DataError(f"{path}: names no image; write a line for each: label, URL")
    if not any("://" in row.url for row in rows):
        raise DataError(
            f"{path}: {rows[0].url!r} is no URL, nor is any other; for classes of files of your "
            f"own write acquire.source: table:{location}"
        )
    return rows


def _names(path: Path, number: int, fields: list[str]) -> tuple[list[str], bool]:
    names = [field.lower() for field in fields]
    if not {"label", "url"} <= set(names):
        return ["label", "url"], False
    if len(set(names)) < len(names):
        raise DataError(
            f"{path}, line {number}: a column is named twice, take one out: {', '.join(names)}"
        )
    if unknown := [name for name in names if name not in COLUMNS]:
        raise DataError(
            f"{path}, line {number}: column {unknown[0]!r} is not known. "
            f"Known: {', '.join(COLUMNS)}"
        )
    return names, True


def _short(fields: list[str]) -> str:
    text = "\t".join(fields)
    return text if len(text) <= 80 else f"{text[:77]}…"
