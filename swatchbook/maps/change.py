"""Change between two dates: which tiles have another class, and how sure one can be of that.

Most of what differs between two maps is light, season and the errors of both: the table of
mapped change is printed as what it is, and beside it the estimate from a reference sample.
"""

from dataclasses import dataclass

import numpy as np

from swatchbook.base.errors import DataError
from swatchbook.maps.layers import NONE, Layers

STABLE, CHANGED = "stable", "changed"
STRATA = [STABLE, CHANGED]


@dataclass(frozen=True)
class Change:
    """``matrix (k, k) float``: square kilometres from class (row) to class (column), smoothed;
    ``strata (rows, columns) int16``: 0 stable, 1 changed, NONE unknown at a date."""

    matrix: np.ndarray
    strata: np.ndarray
    before: Layers
    after: Layers

    @property
    def names(self) -> list[str]:
        """The classes of rows and columns."""
        return self.after.classes[: self.after.known]

    @property
    def tiles(self) -> list[tuple[int, int]]:
        """Rows and columns of changed tiles, those first of which both dates are surest."""
        found = np.argwhere(self.strata == 1)
        sure = np.minimum(self.before.confidence, self.after.confidence)
        order = np.argsort(-sure[found[:, 0], found[:, 1]], kind="stable")
        return [(int(row), int(column)) for row, column in found[order]]


def between(before: Layers, after: Layers) -> Change:
    """Compare two maps of the same tiles.

    Raises:
        DataError: where the tiles or the classes are not the same.
    """
    if why := before.grid.like(after.grid):
        raise DataError(
            f"--before: {why}; cut the earlier rasters by the same grid "
            "(`swatchbook tiles --grid SHARDS`)"
        )
    names = after.classes[: after.known]
    if before.classes[: before.known] != names:
        raise DataError(
            "--before: was scored with other classes; use the same model for both dates"
        )
    both = (before.smoothed >= 0) & (after.smoothed >= 0)
    count = len(names)
    each = np.broadcast_to(after.grid.areas()[:, None], both.shape)
    pairs = before.smoothed[both].astype(int) * count + after.smoothed[both]
    matrix = np.bincount(pairs, each[both], minlength=count * count).reshape(count, count)
    strata = np.where(both, (before.smoothed != after.smoothed).astype(np.int16), NONE)
    return Change(matrix, strata.astype(np.int16), before, after)
