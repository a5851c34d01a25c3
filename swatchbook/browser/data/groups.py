"""Images that belong together, to be decided together: near-duplicates, and one image in several
classes."""

from functools import lru_cache

import numpy as np

from swatchbook.browser.data.columns import Columns
from swatchbook.browser.data.columns_of_tables import OUTCOMES
from swatchbook.project import tables

# one image in several classes; near-duplicates in several classes; near-duplicates of one class
KINDS = ("conflict", "mixed", "near_duplicate")


class Groups:
    """Of the images of one state of the tables; made when they are first asked for."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self.of = lru_cache(len(KINDS))(self._of)

    def counts(self) -> dict[str, int]:
        """How many groups there are of each of KINDS."""
        return {kind: len(self.of(kind)) for kind in KINDS}

    def _of(self, kind: str) -> list[np.ndarray]:
        """The rows of each group, those that go on first; the largest group first, in an order
        that no act changes."""
        c = self._columns
        kept, near, conflict = (
            OUTCOMES.index(name) for name in ("kept", tables.NEAR_DUPLICATE, tables.CONFLICT)
        )
        if kind == "conflict":
            return [np.array([row]) for row in np.flatnonzero(c.outcome == conflict)]
        rows = np.flatnonzero((c.group >= 0) & np.isin(c.outcome, (kept, near)))
        rows = rows[np.lexsort((rows, c.outcome[rows] != kept, c.group[rows]))]
        starts = np.flatnonzero(np.diff(c.group[rows], prepend=-1))
        found = [
            part
            for part in np.split(rows, starts[1:])
            if len(part) > 1 and (len(np.unique(c.label[part])) > 1) == (kind == "mixed")
        ]
        return sorted(found, key=lambda part: (-len(part), c.sha256[part[0]]))


def bits(one: str, other: str) -> int | None:
    """In how many bits two hashes in hexadecimal differ; None where one is missing."""
    if not one or len(one) != len(other):
        return None
    return (int(one, 16) ^ int(other, 16)).bit_count()
