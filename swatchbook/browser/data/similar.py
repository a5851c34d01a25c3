"""The images that a network takes for most alike: by the cosine of their features, exactly."""

import threading
from functools import cached_property

import numpy as np

from swatchbook.base.errors import DataError
from swatchbook.browser.data.columns import Columns
from swatchbook.project import tables

# beyond that, half precision: an order of neighbours needs no more
_LARGE = 2**30


class Similar:
    """Of the images of one state of the tables; read when it is first asked."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._reading = threading.Lock()

    def nearest(self, row: int, count: int, label: int | None = None) -> list[tuple[int, float]]:
        """The rows of the ``count`` images most like that one (of a class, where given), and how
        alike: 1 is the same. Empty where there are no features of it."""
        with self._reading:
            rows, vectors, place = self._read
        if place[row] < 0:
            return []
        alike = vectors @ vectors[place[row]]
        wanted = rows != row
        if label is not None:
            wanted &= self._columns.label[rows] == label
        chosen = np.flatnonzero(wanted)
        some = chosen[np.argsort(-alike[chosen], kind="stable")[:count]]
        return [(int(rows[one]), round(float(alike[one]), 4)) for one in some]

    @cached_property
    def _read(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows that have features, these with length 1, and the place of each row among them."""
        c = self._columns
        place = np.full(len(c), -1)
        try:
            features = tables.read_features()
        except DataError:
            return np.zeros(0, int), np.zeros((0, 1), np.float32), place
        found = c.rows_of(np.array(features.sha256, "S64"))
        rows, vectors = found[found >= 0], features.vectors[found >= 0]
        vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        place[rows] = np.arange(len(rows))
        return rows, vectors.astype(np.float16 if vectors.nbytes > _LARGE else np.float32), place
