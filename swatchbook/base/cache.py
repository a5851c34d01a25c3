"""A cache in one file: keys to bytes, safe for several processes, empty again if it is lost.

Every value has a checksum: one whose bits have changed on the disk is not there any more, and is
computed again.
"""

import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TypeVar

_AT_ONCE = 500
_SECONDS = 60.0
# what says nothing about the file: a lock, a full disk, rights
_CIRCUMSTANCES = {
    sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}  # fmt: skip
# as bytes: of damaged ones nothing else can be said
_COLUMNS = "CAST(key AS BLOB), CAST(digest AS BLOB), CAST(value AS BLOB)"
_Result = TypeVar("_Result")


class Cache:
    """Bytes by key in an SQLite file (write-ahead log: a killed writer leaves it whole)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._connection = _opened(path)
        except sqlite3.DatabaseError as error:
            self._lay_aside(error)

    def get(self, keys: Iterable[str]) -> dict[str, bytes]:
        """The values of those ``keys`` that are known."""
        wanted = list(keys)
        return self._or_anew(lambda: self._found(wanted), {})

    def put(self, entries: Mapping[str, bytes]) -> None:
        """Store ``entries``, replacing those that exist, in one transaction."""
        rows = [(key, _digest(key.encode(), value), value) for key, value in entries.items()]

        def write() -> None:
            with self._connection:
                self._connection.executemany(
                    "INSERT OR REPLACE INTO checked VALUES (?, ?, ?)", rows
                )

        self._or_anew(write, None)

    def verify(self) -> tuple[int, int]:
        """How many values are right and how many damaged; the damaged are removed."""
        return self._or_anew(self._verified, (0, 1))

    def keys(self) -> list[str]:
        """All keys, of damaged values too."""
        return self._or_anew(self._all_keys, [])

    def items(self) -> list[tuple[str, bytes]]:
        """All keys and values that are right."""
        return self._or_anew(self._all, [])

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> "Cache":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _all(self) -> list[tuple[str, bytes]]:
        rows = self._connection.execute(f"SELECT {_COLUMNS} FROM checked")
        return [(row[0].decode(), row[2]) for row in rows if _is_right(*row)]

    def _all_keys(self) -> list[str]:
        rows = self._connection.execute("SELECT CAST(key AS BLOB) FROM checked")
        # a key that is damaged is no text any more
        return [row[0].decode(errors="replace") for row in rows if row[0] is not None]

    def _found(self, wanted: list[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            marks = ",".join("?" * len(some))
            query = f"SELECT {_COLUMNS} FROM checked WHERE key IN ({marks})"
            for key, digest, value in self._connection.execute(query, some):
                if _is_right(key, digest, value):
                    found[key.decode()] = value
        return found

    def _verified(self) -> tuple[int, int]:
        right, damaged = 0, []
        for key, digest, value in self._connection.execute(f"SELECT {_COLUMNS} FROM checked"):
            if _is_right(key, digest, value):
                right += 1
            else:
                damaged.append((key,))
        with self._connection:
            self._connection.executemany("DELETE FROM checked WHERE CAST(key AS BLOB) = ?", damaged)
        return right, len(damaged)

    def _or_anew(self, work: Callable[[], _Result], otherwise: _Result) -> _Result:
        try:
            return work()
        except sqlite3.DatabaseError as error:
            self._connection.close()
            self._lay_aside(error)
            return otherwise

    def _lay_aside(self, error: sqlite3.DatabaseError) -> None:
        """Begin with an empty file where the old one is damaged: all it held can be had again."""
        if error.sqlite_errorcode & 0xFF in _CIRCUMSTANCES:
            raise error
        self._path.replace(self._path.with_name(f"{self._path.name}.damaged"))
        for kind in ("-wal", "-shm"):
            self._path.with_name(self._path.name + kind).unlink(missing_ok=True)
        self._connection = _opened(self._path)


def _is_right(key: bytes | None, digest: bytes | None, value: bytes | None) -> bool:
    return key is not None and value is not None and digest == _digest(key, value)


def _digest(key: bytes, value: bytes) -> bytes:
    return hashlib.blake2b(key + b"\0" + value, digest_size=16).digest()


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_SECONDS)
    try:
        _use_write_ahead_log(connection)
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS checked (key TEXT PRIMARY KEY, digest BLOB, value BLOB) "
            "WITHOUT ROWID"
        )
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    # of two who switch a new file at once, SQLite refuses one without waiting: neither could go on
    # (https://www.sqlite.org/c3ref/busy_handler.html)
    last = time.monotonic() + _SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > last:
                raise
            time.sleep(0.01)
        else:
            return
