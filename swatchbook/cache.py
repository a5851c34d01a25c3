"""A cache in one file: keys to bytes, safe for several processes, empty again if it is lost."""

import sqlite3
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType

_AT_ONCE = 500
_SECONDS = 60.0


class Cache:
    """Bytes by key in an SQLite file (write-ahead log: a killed writer leaves it whole)."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._connection = _opened(path)
        except sqlite3.OperationalError:
            raise  # a full disk or a lock says nothing about the file
        except sqlite3.DatabaseError:
            # all that it held can be computed again
            path.replace(path.with_name(f"{path.name}.damaged"))
            self._connection = _opened(path)

    def get(self, keys: Iterable[str]) -> dict[str, bytes]:
        """The values of those ``keys`` that are known."""
        wanted = list(keys)
        found: dict[str, bytes] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            marks = ",".join("?" * len(some))
            query = f"SELECT key, value FROM entries WHERE key IN ({marks})"
            found.update(self._connection.execute(query, some))
        return found

    def put(self, entries: Mapping[str, bytes]) -> None:
        """Store ``entries``, replacing those that exist, in one transaction."""
        with self._connection:
            self._connection.executemany(
                "INSERT OR REPLACE INTO entries VALUES (?, ?)", entries.items()
            )

    def __len__(self) -> int:
        count: int = self._connection.execute("SELECT COUNT(*) FROM entries").fetchone()[0]
        return count

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


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_SECONDS)
    _use_write_ahead_log(connection)
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID"
    )
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
