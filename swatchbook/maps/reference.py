"""A reference sample: tiles drawn at random from each mapped class, for a person to label.

Drawn before anybody looks, so that it can say how good the map is and how large its classes are.
Their labels stand in ``sample.csv`` (column ``label``), or where `swatchbook browse --from` has
put them.
"""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from swatchbook.base import files
from swatchbook.base.errors import DataError
from swatchbook.curation import acts_file
from swatchbook.maps import area
from swatchbook.maps import grid as grids
from swatchbook.maps.layers import Layers
from swatchbook.maps.tile_pixels import TilePixels

TABLE = "sample.csv"
# as the browser keeps labels of a folder
BROWSED = ".labels.csv"
_COLUMNS = ["tile", "x", "y", "stratum", "sha256", "label"]


@dataclass(frozen=True)
class Reference:
    """``counts (strata, k) int``: tiles by stratum and label; ``unlabelled`` have none yet."""

    counts: np.ndarray
    unlabelled: int


def draw(
    layers: Layers,
    strata: np.ndarray,
    names: list[str],
    count: int,
    seed: int,
    pixels: list[TilePixels],
    out: Path,
    labels: np.ndarray | None,
) -> int:
    """Write a sample of ``count`` tiles, stratified by ``strata (rows, columns)``, to ``out``.

    Each is a picture with its neighbours around it, of several ``pixels`` side by side, the
    earliest first; ``labels`` fills in what is known. How many.

    Raises:
        DataError: where ``out`` is there.
    """
    if out.exists() and any(out.iterdir()):
        raise DataError(f"--out: {str(out)!r} is there already; choose another folder")
    random = np.random.default_rng(seed)
    sizes = np.array([(strata == number).sum() for number in range(len(names))])
    rows = []
    for stratum, wanted in enumerate(area.allotted(sizes, count)):
        there = np.argwhere(strata == stratum)
        chosen = there[np.sort(random.choice(len(there), wanted, replace=False))]
        for row, column in chosen.tolist():
            known = int(labels[row, column]) if labels is not None else -1
            label = layers.classes[known] if known >= 0 else ""
            x, y = layers.grid.centre(row, column)
            rows.append((grids.name(row, column), x, y, names[stratum], label))
    order = random.permutation(len(rows))  # who labels must not see the strata
    listed = []
    for number in order.tolist():
        tile, x, y, stratum, label = rows[number]
        buffer = io.BytesIO()
        dates = [one.around(*grids.place(tile)) for one in pixels]
        Image.fromarray(np.concatenate(dates, axis=1)).save(buffer, "PNG")
        content = buffer.getvalue()
        files.write_bytes(out / f"{tile}.png", content)
        listed.append((tile, x, y, stratum, files.digest(content), label))
    table = pd.DataFrame(listed, columns=_COLUMNS)
    with files.replacing(out / TABLE) as temporary:
        table.to_csv(temporary, index=False)
    return len(rows)


def read(folder: Path, layer: np.ndarray, strata: list[str], classes: list[str]) -> Reference:
    """The labelled sample in ``folder`` against the strata that it was drawn from.

    ``layer (rows, columns)`` are the strata of the map as it is: of another map, where tiles were
    of other strata, the sample would say nothing that is true.

    Raises:
        DataError: where it can't be read, or was not drawn from this map.
    """
    path = folder / TABLE
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        rows = table[_COLUMNS].itertuples(index=False)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"--reference: {path} can't be read ({type(error).__name__}); "
            "`swatchbook map sample` makes one"
        ) from None
    browsed = _browsed(folder)
    counts = np.zeros((len(strata), len(classes)), int)
    unlabelled = 0
    for row in rows:
        label = browsed.get(str(row.sha256), str(row.label))
        if not label:
            unlabelled += 1
            continue
        for what, value, known in (("stratum", row.stratum, strata), ("label", label, classes)):
            if value not in known:
                raise DataError(
                    f"--reference: {path}: {what} {value!r} of {row.tile} is not of this map; "
                    f"known: {', '.join(known)}: use the sample that was drawn from it"
                )
        place = grids.place(str(row.tile))
        inside = place[0] < layer.shape[0] and place[1] < layer.shape[1]
        stratum = strata.index(str(row.stratum))
        if not inside or layer[place] != stratum:
            now = strata[layer[place]] if inside and layer[place] >= 0 else "no tile"
            raise DataError(
                f"--reference: {path}: {row.tile} was {row.stratum!r} when the sample was drawn, "
                f"and is {now!r} on this map; draw one from this map (`swatchbook map sample`)"
            )
        counts[stratum, classes.index(label)] += 1
    if not counts.sum():
        raise DataError(
            f"--reference: no tile of {path} has a label; write them into column label, or "
            f"label them by `swatchbook browse --from {folder}`"
        )
    return Reference(counts, unlabelled)


def _browsed(folder: Path) -> dict[str, str]:
    """What the browser has put down, by the digest of the picture; empty: put back."""
    acts = acts_file.read(folder / BROWSED)  # of several the last one counts
    return dict(zip(acts["sha256"], acts["label"], strict=True))
