"""A cache in one file: keys to bytes, safe for several processes, empty again if it is lost."""

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType

_AT_ONCE = 500


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
    connection = sqlite3.connect(path, timeout=60)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID"
    )
    return connection
