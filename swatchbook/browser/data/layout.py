"""A map of the features: images that a network takes for alike stand near each other.

At once the two directions in which they differ most (PCA); once ``python -m
swatchbook.browser.data.layout`` has run, t-SNE from there (van der Maaten and Hinton, JMLR 2008;
openTSNE: Poličar, Stražar and Zupan, JSS 2024). Kept in this machine's cache by what the features
are.
"""

import os
import sys
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from swatchbook.base import caches, files, machine
from swatchbook.base.errors import DataError
from swatchbook.browser.data.columns import Columns
from swatchbook.project import tables
from swatchbook.project.tables import FEATURES_PATH

_VERSION = 1
_NEAR = 15
_WIDTH = 50
_PERPLEXITY = _NEAR / 3
_STEPS = 500
# of more images so many are laid out; the others stand among their nearest
_MOST = 100_000
_SAMPLE = 5000
_KEPT = 3


@dataclass(frozen=True)
class Placed:
    """``kind`` is pca or tsne; ``positions (n, 2) float32`` of the images of the columns, within
    −1 and 1, NaN of those without features; ``near (n, 15) int32`` the rows of the nearest images
    (−1: none), where ``kind`` is tsne."""

    name: str
    kind: str
    positions: np.ndarray
    near: np.ndarray


class Layout:
    """Of the images of one state of the tables; made when it is first asked for."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._read: Placed | None = None

    def placed(self) -> Placed:
        """The best there is.

        Raises:
            DataError: there are no features.
        """
        path = _path()
        name = path.stem if path.is_file() else f"pca{self._columns.snapshot}"
        if self._read is None or self._read.name != name:
            self._read = self._of_file(path) if path.is_file() else self._flat
        return self._read

    def islands(self) -> np.ndarray:
        """The share of the nearest images that have another label ``(n,) float32``; NaN where it
        isn't known."""
        placed, label = self.placed(), np.asarray(self._columns.label)
        if not placed.near.size:
            return np.full(len(label), np.nan, np.float32)
        known = placed.near >= 0
        others = (label[placed.near] != label[:, None]) & known
        with np.errstate(invalid="ignore"):
            return np.asarray(others.sum(axis=1) / known.sum(axis=1), np.float32)

    @cached_property
    def _flat(self) -> Placed:
        features = tables.read_features()
        found = self._spread(features.sha256, _directions(features.vectors, 2))
        return Placed(f"pca{self._columns.snapshot}", "pca", found, np.zeros((0, _NEAR), np.int32))

    def _of_file(self, path: Path) -> Placed:
        c = self._columns
        with np.load(path) as kept:
            sha256, positions, near = kept["sha256"], kept["positions"], kept["near"]
        rows = c.rows_of(sha256)
        found = np.full((len(c), _NEAR), -1, np.int32)
        here = rows >= 0
        found[rows[here]] = np.where(near[here] >= 0, rows[near[here]], -1)
        return Placed(path.stem, "tsne", self._spread(sha256, positions), found)

    def _spread(self, sha256: "np.ndarray | list[str]", positions: np.ndarray) -> np.ndarray:
        rows = self._columns.rows_of(np.asarray(sha256, "S64"))
        found = np.full((len(self._columns), 2), np.nan, np.float32)
        found[rows[rows >= 0]] = positions[rows >= 0]
        return found


def make() -> Path:
    """Lay the features out and keep it; where it is kept. Raises DataError."""
    features = tables.read_features()
    path = _path()
    unit = features.vectors / np.maximum(
        np.linalg.norm(features.vectors, axis=1, keepdims=True), 1e-12
    )
    if len(unit) < 3 * _NEAR:
        raise DataError(f"{FEATURES_PATH}: a map needs at least {3 * _NEAR} images")
    narrow = _directions(unit, min(_WIDTH, *unit.shape))
    print(f"map: nearest images of {len(narrow)} …", flush=True)
    distances, near = _nearest(narrow, narrow, own=True)
    chance = np.random.default_rng(0)
    some = np.sort(chance.permutation(len(narrow))[:_MOST])
    if len(some) == len(narrow):
        positions = _laid_out(narrow, distances, near)
    else:
        part = narrow[some]
        positions = np.zeros((len(narrow), 2))
        positions[some] = _laid_out(part, *_nearest(part, part, own=True))
        others = np.setdiff1d(np.arange(len(narrow)), some)
        _, among = _nearest(narrow[others], part, own=False)
        positions[others] = positions[some][among[:, :5]].mean(axis=1)
    with files.replacing(path) as temporary, temporary.open("wb") as out:
        np.savez(
            out, sha256=np.array(features.sha256, "S64"), positions=_scaled(positions),
            near=near.astype(np.int32),
        )  # fmt: skip
    for old in sorted(path.parent.glob("*.npz"), key=os.path.getmtime)[:-_KEPT]:
        old.unlink()
    return path


def _path() -> Path:
    try:
        state = FEATURES_PATH.stat()
        of = _digest((state.st_ino, state.st_size, state.st_mtime_ns))
    except FileNotFoundError:
        of = ""
    name = f"tsne{files.digest(f'{_VERSION} {of}'.encode())[:12]}.npz"
    return caches.folder(caches.LAYOUTS) / name


@lru_cache(2)
def _digest(_: tuple[int, int, int]) -> str:
    """Of the features, which may be gigabytes: read once for each state of the file."""
    return files.md5(FEATURES_PATH)


def _directions(vectors: np.ndarray, count: int) -> np.ndarray:
    """Vectors ``(n, d)`` along the ``count`` directions in which they differ most; learnt from a
    sample, with a sign that no library chooses."""
    chance = np.random.default_rng(0)
    some = vectors[np.sort(chance.permutation(len(vectors))[:_SAMPLE])].astype(np.float64)
    middle = some.mean(axis=0)
    _, axes = np.linalg.eigh(np.cov(some - middle, rowvar=False))
    axes = axes[:, ::-1][:, :count]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(count)])
    found = (vectors - middle.astype(np.float32)) @ axes.astype(np.float32)
    return _scaled(found) if count == 2 else np.ascontiguousarray(found, np.float32)


def _scaled(positions: np.ndarray) -> np.ndarray:
    """Into the square from −1 to 1, with the same scale both ways."""
    low, high = positions.min(axis=0), positions.max(axis=0)
    half = max(float((high - low).max()) / 2, 1e-12)
    return np.asarray((positions - (low + high) / 2) / half, np.float32)


def _nearest(queries: np.ndarray, among: np.ndarray, own: bool) -> tuple[np.ndarray, np.ndarray]:
    """Distances and places of the nearest; ``own``: without the query itself."""
    # not at the top: only what lays out needs it
    import faiss

    index: faiss.Index = faiss.IndexFlatL2(among.shape[1])
    if len(among) > _MOST:
        # lists of a cell each, of which some are looked at: nearly all of the nearest are found
        cells = 4 * int(np.sqrt(len(among)))
        index = faiss.IndexIVFFlat(index, among.shape[1], cells)
        faiss.extract_index_ivf(index).nprobe = 16
        index.train(among[:: max(1, len(among) // (64 * cells))])
    index.add(among)
    squares, places = index.search(queries, _NEAR + own)
    if own:
        # equal images may stand before the query itself
        mine = places == np.arange(len(queries))[:, None]
        mine[~mine.any(axis=1), -1] = True
        squares, places = (part[~mine].reshape(len(queries), _NEAR) for part in (squares, places))
    return np.sqrt(np.maximum(squares, 0)), places


def _laid_out(vectors: np.ndarray, distances: np.ndarray, near: np.ndarray) -> np.ndarray:
    import openTSNE
    from openTSNE import affinity, initialization, nearest_neighbors

    known = nearest_neighbors.PrecomputedNeighbors(near, distances)
    jobs = machine.workers()
    alike = affinity.PerplexityBasedNN(knn_index=known, perplexity=_PERPLEXITY, n_jobs=jobs)
    start = initialization.rescale(vectors[:, :2].astype(np.float64))
    print(f"map: {len(vectors)} images are laid out …", flush=True)
    method = openTSNE.TSNE(n_jobs=jobs, random_state=0, initialization=start, n_iter=_STEPS)
    return np.asarray(method.fit(affinities=alike))


if __name__ == "__main__":
    try:
        print(f"map: → {make()}")
    except DataError as error:
        sys.exit(f"error: {error}")
