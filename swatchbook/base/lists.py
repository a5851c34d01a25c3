"""Lists and tables as people and spreadsheets write them: tabs, commas or semicolons, any UTF."""

import codecs
import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from swatchbook.base.errors import DataError

_LONGEST_LINE = 100_000


def lines_of(path: Path) -> list[str]:
    """The lines of a text file in UTF-8 or UTF-16. Raises DataError where it is none."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{str(path)!r}: {error.strerror}") from None
    return decoded(data, str(path))


def decoded(data: bytes, where: str) -> list[str]:
    """The lines of a text in UTF-8 or UTF-16. Raises DataError, which says ``where``."""
    # spreadsheets write UTF-8 with a mark, or UTF-16
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        number = data[: error.start].count(b"\n") + 1
        raise DataError(
            f"{where}, line {number}: not UTF-8 text: {error.reason}; save it as UTF-8"
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def rows_of(lines: Iterable[str], where: object) -> Iterator[tuple[int, list[str]]]:
    """The fields of each line that has any, without spaces around them, with its number from 1.

    What stands between them is a tab where the first line has one, else the first comma or
    semicolon of that line. Blank lines and those that begin with ``#`` are passed over.

    Raises:
        DataError: where a line is no row; ``where`` says whose it is.
    """
    delimiter = ""
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if len(line) > _LONGEST_LINE:
            raise DataError(
                f"{where}, line {number}: more than {_LONGEST_LINE} characters; is it a list?"
            )
        if "\0" in line:
            raise DataError(f"{where}, line {number}: a NUL character; is it a text file?")
        delimiter = delimiter or _delimiter(line)
        try:
            # what stands between tabs is seldom quoted on purpose
            (fields,) = csv.reader(
                [line], delimiter=delimiter, strict=True,
                quoting=csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL,
            )  # fmt: skip
        except (csv.Error, ValueError) as error:
            raise DataError(f"{where}, line {number}: {error}; mend its quotes") from None
        yield number, [field.strip() for field in fields]


def _delimiter(line: str) -> str:
    # a URL may hold a semicolon
    return "\t" if "\t" in line else next((letter for letter in line if letter in ",;"), ",")
