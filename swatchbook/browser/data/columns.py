"""The tables between stages as columns: one row an image, memory-mapped, for a million of them.

They are made once of each state of the tables and kept in this machine's cache, a file a column;
a *snapshot* is the name of such a state.
"""

import json
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.ipc

from swatchbook.base import caches, files, machine
from swatchbook.base.errors import DataError
from swatchbook.browser.data import columns_of_tables
from swatchbook.browser.data.columns_of_tables import SOURCES
from swatchbook.project import tables

# raised with what is in the files below
_VERSION = 3
_KEPT_STATES = 3


@dataclass(frozen=True)
class Columns:
    """Of n images, in the manifest's order; ``classes`` are the names that codes stand for.

    ``sha256`` and ``came``, of the file as it came, ``(n,) S64``; ``label``, ``given`` (by the
    source) and ``predicted (n,) uint16`` codes of classes; ``confidence (n,) float32``, NaN where
    nothing is predicted; ``top (n, 5) uint16`` and ``top_p (n, 5) float32``, the most likely
    classes; ``subset``, ``outcome (n,) uint8`` codes of SUBSETS and OUTCOMES; ``fold (n,) int16``;
    ``group (n,) int32``, −1 where alone; ``suspect (n,) uint16`` a bit for each of KINDS;
    ``rank (n,) int32`` the place among the suspects, n where it is none; ``width``, ``height``,
    ``size (n,) int32``, in pixels and bytes. ``missing`` are tables that are not made yet;
    ``by_sha256`` and ``by_came (n,) int64`` are the rows in the order of those; ``aliases`` are the
    rows of other files that became the same images; ``texts`` and ``suspicions`` are what
    is seldom asked for.
    """

    snapshot: str
    classes: list[str]
    missing: list[str]
    aliases: dict[str, int]
    texts: pa.Table
    suspicions: pa.Table
    sha256: np.ndarray
    came: np.ndarray
    by_sha256: np.ndarray
    by_came: np.ndarray
    label: np.ndarray
    given: np.ndarray
    predicted: np.ndarray
    confidence: np.ndarray
    top: np.ndarray
    top_p: np.ndarray
    subset: np.ndarray
    outcome: np.ndarray
    fold: np.ndarray
    group: np.ndarray
    suspect: np.ndarray
    rank: np.ndarray
    width: np.ndarray
    height: np.ndarray
    size: np.ndarray

    def __len__(self) -> int:
        return len(self.sha256)

    def find(self, prefix: str) -> list[int]:
        """The rows whose digest begins with ``prefix``, two at most."""
        start = int(np.searchsorted(self.sha256, prefix.encode(), sorter=self.by_sha256))
        some = self.by_sha256[start : start + 2]
        return [int(row) for row in some if self.sha256[row].startswith(prefix.encode())]

    def rows_of(self, sha256: np.ndarray) -> np.ndarray:
        """The rows ``(m,) int64`` of images by their digests ``(m,)``; −1 of those not here."""
        return _places(self.sha256, self.by_sha256, sha256)

    def rows_of_files(self, files: np.ndarray) -> np.ndarray:
        """As ``rows_of``, by the digests of files as they came."""
        rows = _places(self.came, self.by_came, files)
        if self.aliases:
            for place in np.flatnonzero(rows < 0):
                rows[place] = self.aliases.get(str(files[place]), -1)
        return rows

    def text(self, row: int, name: str) -> str:
        """A column of the manifest that is seldom asked for."""
        return str(self.texts[name][row].as_py())

    def suspected(self, row: int) -> list[dict[str, str]]:
        """``kind, suggested, why`` of each suspicion of an image."""
        rows = self.suspicions["row"].to_numpy()
        first, end = np.searchsorted(rows, [row, row + 1])
        some = self.suspicions.slice(first, end - first)
        found: list[dict[str, str]] = some.select(["kind", "suggested", "why"]).to_pylist()
        return found

    def name_of(self, code: int) -> str:
        """The class of a code, or nothing."""
        return self.classes[code] if code < len(self.classes) else ""


_ARRAYS = tuple(name for name, kind in Columns.__annotations__.items() if kind is np.ndarray)


def _places(column: np.ndarray, order: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Where ``wanted`` stands in ``column``, which ``order`` sorts; −1 where it doesn't."""
    if not len(column):
        return np.full(len(wanted), -1)
    digests = wanted.astype("S64")
    found = np.searchsorted(column, digests, sorter=order)
    rows = np.asarray(order[np.minimum(found, len(column) - 1)], np.int64)
    rows[column[rows] != digests] = -1
    return rows


def stamp() -> tuple[tuple[int, int, int], ...]:
    """What changes whenever one of the tables does; quickly told."""
    found = []
    for table in SOURCES:
        try:
            state = table.path.stat()
            found.append((state.st_ino, state.st_size, state.st_mtime_ns))
        except FileNotFoundError:
            found.append((0, 0, 0))
    return tuple(found)


def load() -> Columns:
    """Those of the tables as they are now, from this machine's cache where it has them.

    Raises:
        DataError: where there is no manifest, or a table is none.
    """
    if not tables.MANIFEST.path.is_file():
        raise DataError(f"{tables.MANIFEST.path}: no such file; `make repro` makes it")
    digests = [files.md5(table.path) if table.path.is_file() else "" for table in SOURCES]
    snapshot = files.digest(f"{_VERSION} {digests}".encode())[:12]
    home = caches.folder(caches.COLUMNS)
    folder = home / snapshot
    with files.locked(machine.lock(f"columns-{snapshot}"), "columns are made", wait=True):
        if not (folder / "done").is_file():
            _make(folder)
            _forget(home)
        os.utime(folder)
    return _opened(folder, snapshot)


def _opened(folder: Path, snapshot: str) -> Columns:
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS}
    mapped = {
        name: pa.ipc.open_file(pa.memory_map(str(folder / f"{name}.arrow"))).read_all()
        for name in ("texts", "suspicions")
    }
    return Columns(snapshot, **facts, **mapped, **arrays)


def _forget(home: Path) -> None:
    """Remove all but the states that were used last."""
    states = [path for path in home.iterdir() if path.is_dir()]
    states.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in states[_KEPT_STATES:]:
        shutil.rmtree(path, ignore_errors=True)


def _make(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=folder.parent) as name:
        made = Path(name) / "made"
        made.mkdir()
        _write(made)
        (made / "done").write_text(time.strftime("%F %T"))
        made.rename(folder)


def _write(folder: Path) -> None:
    facts, arrays, found = columns_of_tables.made()
    for name in _ARRAYS:
        np.save(folder / f"{name}.npy", arrays[name])
    for name, table in found.items():
        path = str(folder / f"{name}.arrow")
        with pa.OSFile(path, "wb") as file, pa.ipc.new_file(file, table.schema) as out:
            out.write_table(table)
    missing = [table.path.as_posix() for table in SOURCES if not table.path.is_file()]
    content = json.dumps({**facts, "missing": missing})
    (folder / "facts.json").write_text(content, encoding="utf-8")
