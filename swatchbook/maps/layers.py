"""Scored tiles as layers of a map: what each tile is said to be, how surely, and what it is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from swatchbook.base.errors import DataError
from swatchbook.maps import grid as grids
from swatchbook.maps import truth
from swatchbook.maps.grid import Grid
from swatchbook.maps.smoothing import smoothed
from swatchbook.prediction.predictions import NOT_SURE, REFUSED
from swatchbook.project import tables
from swatchbook.shards import chunks, completeness
from swatchbook.shards.chunks import Chunks

# in place of a class
NONE = -1


@dataclass(frozen=True)
class Layers:
    """Layers ``(rows, columns)`` over ``grid``; numbers are places in ``classes``, NONE is none.

    ``predicted int16`` by the highest probability, ``smoothed`` by a vote of neighbours,
    ``truth`` by land cover (all NONE where the tiles have no labels), ``confidence float32``
    (NaN: none). ``not_sure`` and ``refused`` count tiles. The first ``known`` classes are the
    model's; the others are of the land cover alone.
    """

    grid: Grid
    classes: list[str]
    colours: list[str]
    groups: dict[str, str]
    predicted: np.ndarray
    smoothed: np.ndarray
    confidence: np.ndarray
    truth: np.ndarray
    not_sure: int
    refused: int
    known: int

    @property
    def has_truth(self) -> bool:
        """Whether the class of any tile is known."""
        return bool((self.truth >= 0).any())

    def areas(self, layer: np.ndarray, where: np.ndarray | None = None) -> np.ndarray:
        """Square kilometres of each class of a layer ``(k,) float``, in tiles ``where`` true."""
        each = np.broadcast_to(self.grid.areas()[:, None], layer.shape)
        counted = layer >= 0 if where is None else (layer >= 0) & where
        found: np.ndarray = np.bincount(
            layer[counted].astype(int), each[counted], minlength=len(self.classes)
        )
        return found


def read(folder: Path) -> Layers:
    """The layers of scored tiles.

    Raises:
        DataError: where the folder holds no complete scores of tiles.
    """
    results = chunks.opened(folder)
    grid = Grid.of(results.manifest.facts.get("grid", {}))
    found = completeness.judge(results)
    if not found.complete:
        raise DataError(
            f"{folder}: {found.missing} of {found.wanted} tiles have no score; run the missing "
            f"shards (`swatchbook scored {folder}` names them)"
        )
    if results.facts.get("sample_frac", 1.0) < 1:
        raise DataError(f"{folder}: holds a sample of the tiles; run all of them for a map")
    return _layers(results, grid)


def _layers(results: Chunks, grid: Grid) -> Layers:
    facts = results.manifest.facts
    labels = _table(results, grid)
    shape = (grid.rows, grid.columns)
    predicted = np.full(shape, NONE, np.int16)
    confidence = np.full(shape, np.nan, np.float32)
    names: list[str] = []
    own: list[str] = []
    counts = {NOT_SURE: 0, REFUSED: 0}
    for rows in results.all():
        frame = rows.to_pandas()
        own = tables.classes_of(frame)
        if not names:
            # what tiles are but no model knows comes last: it can only be missed
            names = own + sorted(set(labels[labels != ""].tolist()) - set(own))
        scores = frame[tables.probability_columns(own)].to_numpy(np.float32)
        for path, status, row in zip(frame["path"], frame["status"], scores, strict=True):
            counts[status] = counts.get(status, 0) + 1
            if status != REFUSED:
                place = grids.place(path)
                predicted[place] = row.argmax()
                confidence[place] = row.max()
    places = {name: number for number, name in enumerate(names)}
    true = np.full(shape, NONE, np.int16)
    for place in zip(*np.nonzero(labels != ""), strict=True):
        true[place] = places[labels[place]]
    return Layers(
        grid, names, truth.colours_of(names, facts.get("classes", {})), facts.get("groups", {}),
        predicted, smoothed(predicted, len(names)), confidence, true, counts[NOT_SURE],
        counts[REFUSED], len(own),
    )  # fmt: skip


def _table(results: Chunks, grid: Grid) -> np.ndarray:
    """The labels of tiles ``(rows, columns)`` object; empty: unknown."""
    table = np.full((grid.rows, grid.columns), "", object)
    rows: Any = results.manifest.rows
    if "label" in rows:
        table[rows["tile_row"].to_numpy(), rows["tile_column"].to_numpy()] = rows["label"]
    return table


def grouped(layers: Layers, groups: dict[str, str]) -> Layers:
    """The same map with classes taken together as ``groups`` says; others stay as they are."""
    target = [groups.get(name, name) for name in layers.classes]
    names = list(dict.fromkeys(target))
    table = np.array([*(names.index(name) for name in target), NONE], np.int16)
    colours = [layers.colours[target.index(name)] for name in names]
    predicted, true = table[layers.predicted], table[layers.truth]
    return Layers(
        layers.grid, names, colours, {}, predicted, smoothed(predicted, len(names)),
        layers.confidence, true, layers.not_sure, layers.refused,
        len(set(target[: layers.known])),
    )  # fmt: skip


def accuracy(layer: np.ndarray, true: np.ndarray) -> float:
    """The share of tiles whose class is known and right in a layer, of those that have both."""
    both = (layer >= 0) & (true >= 0)
    return float((layer == true)[both].mean()) if both.any() else float("nan")


def confusion(layer: np.ndarray, true: np.ndarray, count: int) -> np.ndarray:
    """Tiles ``(count, count) int``: rows are the layer's classes, columns ``true``'s."""
    both = (layer >= 0) & (true >= 0)
    pairs = layer[both].astype(int) * count + true[both]
    found: np.ndarray = np.bincount(pairs, minlength=count * count).reshape(count, count)
    return found
