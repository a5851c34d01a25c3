"""Rasters into shards of tiles, and tiles with a known class into folders to train on."""

import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from swatchbook.acquisition.candidate import Candidate
from swatchbook.base import files
from swatchbook.base.errors import DataError
from swatchbook.maps import grid as grids
from swatchbook.maps import truth
from swatchbook.maps.grid import Grid
from swatchbook.maps.imagery import Imagery
from swatchbook.maps.place import Place
from swatchbook.maps.truth import Classes, Rule
from swatchbook.shards import packing, shard_file
from swatchbook.shards.manifest import Manifest
from swatchbook.shards.packing import Size


@dataclass(frozen=True)
class Labelling:
    """A raster of land cover, what its codes mean, and the rule by which a tile gets a class."""

    path: Path
    crs: str
    classes: Classes
    rule: Rule


@dataclass(frozen=True)
class Tiled:
    """Places of the grid = tiles + dropped; ``labels`` counts tiles by class, empty: none.

    Dropped are places of which no raster holds all (``edge``), too many pixels are ``no_data``, or
    the centre is ``outside`` of what was asked for.
    """

    manifest: Manifest
    dropped: Counter[str]
    labels: Counter[str]


def tile(
    imagery: Imagery,
    grid: Grid,
    place: Place | None,
    labelling: Labelling | None,
    max_empty: int,
    out: Path,
) -> Tiled:
    """Cut the tiles of ``grid`` into shards in the new folder ``out``.

    Tiles are TIFF files in the shards, named as in the grid. One of which more than ``max_empty``
    pixels are no data is dropped.

    Raises:
        DataError: where a raster can't be read to its end, or no tile is left.
    """
    dropped: Counter[str] = Counter()
    extras: dict[str, dict[str, Any]] = {}
    rows_of_labels = (
        truth.labels(grid, labelling.path, labelling.crs, labelling.classes, labelling.rule)
        if labelling
        else iter([[""] * grid.columns] * grid.rows)
    )

    def candidates() -> Iterator[Candidate]:
        for row, labels in enumerate(rows_of_labels):
            for column, label in enumerate(labels):
                x, y = grid.centre(row, column)
                if place is not None and not place.has(x, y):
                    dropped["outside"] += 1
                    continue
                found = imagery.tile(grid, row, column)
                if found is None:
                    dropped["edge"] += 1
                    continue
                pixels, empty = found
                if empty > max_empty:
                    dropped["no_data"] += 1
                    continue
                tile_name = grids.name(row, column)
                extras[tile_name] = {
                    "tile_row": row, "tile_column": column, "x": x, "y": y, "label": label,
                }  # fmt: skip
                yield Candidate(tile_name, "", "", "", partial(_tiff, pixels))

    levels = imagery.levels
    facts = {
        "grid": grid.facts,
        "rasters": [Path(file.name).name for file in imagery.files],
        "levels": [list(levels.low), list(levels.high)] if levels else [],
        "rule": str(labelling.rule) if labelling else "",
        "classes": (
            dict(zip(labelling.classes.names, labelling.classes.colours, strict=True))
            if labelling else {}
        ),
        "groups": labelling.classes.groups if labelling else {},
    }  # fmt: skip
    packed = packing.pack(
        candidates(), out, Size(), lambda: {**facts, "dropped": dict(sorted(dropped.items()))},
        extras.__getitem__,
    )  # fmt: skip
    labels = Counter(extra["label"] for extra in extras.values())
    return Tiled(packed.manifest, dropped, labels)


def to_folders(tiled: Tiled, shards: Path, folder: Path, block: int) -> int:
    """Write tiles that have a class as ``folder/<class>/<block>/<tile>.png``; how many.

    Tiles of one class of a block of ``block × block`` stand in one folder, so that
    ``split.by: folder`` keeps these neighbours, which resemble each other, on one side (Roberts et
    al., "Cross-validation strategies for data with temporal, spatial, hierarchical, or phylogenetic
    structure", Ecography 2017).

    Raises:
        DataError: where ``folder`` is there and not empty.
    """
    check_new(folder)
    rows = tiled.manifest.rows
    names = ("path", "label", "tile_row", "tile_column")
    where = {
        path: (label, row // block, column // block)
        for path, label, row, column in zip(*(rows[name].tolist() for name in names), strict=True)
        if label
    }
    for shard in range(tiled.manifest.shards):
        for image in shard_file.read(shards, shard):
            if image.path not in where:
                continue
            label, down, across = where[image.path]
            buffer = io.BytesIO()
            Image.open(io.BytesIO(image.content)).save(buffer, "PNG", compress_level=1)
            target = folder / label / f"b{down:03}-{across:03}" / f"{image.path}.png"
            files.write_bytes(target, buffer.getvalue())
    return len(where)


def check_new(folder: Path) -> None:
    """Raise DataError where there is something in a folder that images are to be written to."""
    if folder.exists() and any(folder.iterdir()):
        raise DataError(
            f"--images: {str(folder)!r} is there already; choose another folder, or remove it first"
        )


def _tiff(pixels: np.ndarray) -> bytes:
    # written in a fifth of a millisecond, where a PNG takes five
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "TIFF")
    return buffer.getvalue()
