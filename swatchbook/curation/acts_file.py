"""The file that acts on labels are appended to: afterwards all of them are there, or none.

An act costs the same however many stand before it, so the file is not written anew. The first byte
of what is appended is written last, when all else is on the disk: until then a zero stands there,
where a text has none, and what follows it is no row.
"""

import contextlib
import csv
import io
import os
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from swatchbook.base import files
from swatchbook.base.text import escaped
from swatchbook.project.tables import Table

COLUMNS = dict.fromkeys(("sha256", "label", "note", "annotator", "time"), "str")
_HEADER = ",".join(COLUMNS)
# whatever a person wrote there, where it begins with a date
_TIMES = re.compile(rb",(\d{4}-\d\d-\d\d[^,\r\n]*)\r?$", re.MULTILINE)


def read(path: Path) -> pd.DataFrame:
    """All acts in the file's order; none where it doesn't exist yet. Raises DataError."""
    table = Table(path, {"sha256": "str", "label": "str"})
    data = path.read_bytes() if path.exists() else b""
    if not data.strip():
        return pd.DataFrame(columns=list(COLUMNS), dtype=str)
    whole = _whole(data)
    acts = table.read() if len(whole) == len(data) else table.parsed(whole.decode(), str(path))
    # only the first two are needed in a file that a person writes, who may add others
    names = [*COLUMNS, *(name for name in acts if name not in COLUMNS)]
    return acts.reindex(columns=names, fill_value="").astype(str)


def append(
    path: Path, labels: Mapping[str, str], note: str, annotator: str, last: str | None = None
) -> str:
    """Add an act for each file (by its full digest) of ``labels``; return their common time.

    The time is later than that of any act there; ``last`` is the latest, where it is known. For
    who holds the lock (``locked``). The rows are on the disk when this returns.
    """
    data = path.read_bytes() if path.exists() else b""
    note, annotator = _one_line(note), _one_line(annotator)
    if _header(data) != _HEADER:
        return _rewritten(path, labels, note, annotator)
    whole = _whole(data)
    latest = max(_TIMES.findall(whole), default=b"").decode() if last is None else last
    now = later_than(latest)
    out = io.StringIO()
    end = "\r\n" if data.partition(b"\n")[0].endswith(b"\r") else "\n"
    if not whole.endswith(b"\n"):
        out.write(end)
    writer = csv.writer(out, lineterminator=end)
    for sha256, label in labels.items():
        writer.writerow([sha256, *map(escaped, (label, note, annotator)), now])
    added = out.getvalue().encode()
    with path.open("r+b") as file:
        file.truncate(len(whole))
        for place, some in ((len(whole), b"\0" + added[1:]), (len(whole), added[:1])):
            file.seek(place)
            file.write(some)
            file.flush()
            os.fsync(file.fileno())
    return now


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait until nobody else writes, and keep it so."""
    # beside the file, so that all who can write it meet, whatever their caches
    with files.locked(path.with_name(f".{path.name}.lock"), f"{path} is being written", wait=True):
        yield


def later_than(last: str) -> str:
    """Now, or just after ``last`` where a clock that ran ahead wrote it: UTC as text."""
    now = datetime.now(UTC)
    try:
        earlier = datetime.fromisoformat(last)
    except ValueError:
        earlier = now
    if earlier.tzinfo and earlier >= now:
        now = earlier + timedelta(microseconds=1)
    return now.astimezone(UTC).isoformat(timespec="microseconds")


def _rewritten(path: Path, labels: Mapping[str, str], note: str, annotator: str) -> str:
    """A new file, or one with other columns than ours."""
    before = read(path)
    now = later_than(before["time"].max() if len(before) else "")
    rows = [(sha256, label, note, annotator, now) for sha256, label in labels.items()]
    acts = pd.concat([before, pd.DataFrame(rows, columns=list(COLUMNS))]).fillna("")
    Table(path, COLUMNS).write(acts, tuple(str(name) for name in acts if name not in COLUMNS))
    return now


def _whole(data: bytes) -> bytes:
    """``data`` without what a writer that died had begun to add."""
    # in UTF-16 every other byte may be a zero; that is told as no text
    return data if "\0" in _header(data) else data.partition(b"\0")[0]


def _header(data: bytes) -> str:
    return data.partition(b"\n")[0].decode("utf-8-sig", "replace").removesuffix("\r")


def _one_line(text: str) -> str:
    return " ".join(text.split())
