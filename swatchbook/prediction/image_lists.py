"""Lists of images as people and programs write them: lines, or a table with a column of paths."""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from swatchbook.base import lists
from swatchbook.base.errors import DataError

# what such a column is called, the surest first
_COLUMNS = ("path", "file", "filename", "file_name", "filepath", "url", "image", "image_path",
            "source")  # fmt: skip
# of `swatchbook predict`: texts that a spreadsheet would run have an apostrophe before them
_OWN = ["path", "sha256", "status"]


def entries(lines: Iterable[str], where: str) -> Iterator[str]:
    """The path or URL of each line, as soon as it is read.

    Lines are taken as they are, but for spaces around them, a byte order mark, blank ones and
    those that begin with ``#``. Where the first names columns, the one with the paths is taken;
    ``predict``'s own CSV is such a table.

    Raises:
        DataError: where a line of a table is no row; ``where`` says whose it is.
    """
    plain = (line.removeprefix("\ufeff").strip() for line in lines)
    wanted = (line for line in plain if line and not line.startswith("#"))
    first = next(wanted, None)
    if first is None:
        return
    try:
        (_, names), *_ = lists.rows_of([first], where)
    except DataError:  # a name may hold a quotation mark
        names = []
    lower = [name.lower() for name in names]
    column = next((lower.index(name) for name in _COLUMNS if name in lower), None)
    if column is None or Path(first).exists():
        yield from chain([first], wanted)
        return
    own = lower[:3] == _OWN
    rows = lists.rows_of(chain([first], wanted), where)
    next(rows)
    for _, fields in rows:
        text = fields[column] if column < len(fields) else ""
        if text:
            yield text.removeprefix("'") if own else text
