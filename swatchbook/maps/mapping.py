"""From scored tiles to a folder of maps and tables, and what they say in words."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from swatchbook.base import files
from swatchbook.base.errors import DataError
from swatchbook.maps import area, change, layers, reference
from swatchbook.maps import grid as grids
from swatchbook.maps.area import ENOUGH, Estimate
from swatchbook.maps.change import STRATA, Change
from swatchbook.maps.layers import Layers
from swatchbook.maps.output import geo_files, page, picture
from swatchbook.maps.tile_pixels import TilePixels


@dataclass(frozen=True)
class Earlier:
    """The same place at an earlier date: its scores and, for pictures, its shards."""

    scored: Path
    shards: Path | None


def make(
    scored: Path,
    out: Path,
    shards: Path | None,
    labelled: Path | None,
    earlier: Earlier | None,
    by_group: bool,
) -> None:
    """Write the map of ``scored`` to the folder ``out``, and say what it shows.

    ``shards`` adds the photograph, ``labelled`` (a reference sample) the adjusted areas, or with
    ``earlier`` the adjusted area of change.

    Raises:
        DataError: where something doesn't belong to this map.
    """
    found = layers.read(scored)
    groups = found.groups
    if by_group:
        found = layers.grouped(found, groups)
    pixels = _pixels(shards, found, "--shards") if shards else None
    photograph = pixels.overview() if pixels else None
    compared = None
    if earlier:
        before = layers.read(earlier.scored)
        if by_group:
            before = layers.grouped(before, groups)
        compared = change.between(before, found)
    sample = None
    if labelled and compared:
        sample = reference.read(labelled, compared.strata, STRATA, STRATA)
    elif labelled:
        sample = reference.read(labelled, found.predicted, found.classes, found.classes)
    out.mkdir(parents=True, exist_ok=True)
    picture.draw(found, photograph, out / "map.png")
    size = page.write(found, out.name, photograph, out / "map.html")
    written = geo_files.write_classes(found, out)
    geo_files.write_confidence(found, out / "confidence.tif")
    polygons = geo_files.write_polygons(found, out / "classes.geojson")
    _say(
        f"map: {(found.predicted >= 0).sum()} tiles ({found.not_sure} not sure, {found.refused} "
        f"refused), {polygons} polygons, page of {size / 1e6:.2f} MB → {out} (map.png, map.html, "
        f"classes.geojson, areas.csv; {', '.join(written)} and confidence as GeoTIFF)"
    )
    estimate = (
        None
        if compared or not sample
        else area.estimated(sample.counts, found.areas(found.predicted))
    )
    _tell_areas(found, estimate, out)
    if sample and sample.unlabelled:
        _say(f"map: {sample.unlabelled} tiles of the sample have no label yet, and are left out")
    if found.has_truth:
        _tell_accuracy(found, out)
    if compared:
        _tell_change(compared, sample, pixels, earlier, out)


def _pixels(shards: Path, found: Layers, option: str) -> TilePixels:
    """The tiles in ``shards``. Raises DataError where they are not those of the map."""
    pixels = TilePixels(shards)
    if why := pixels.grid.like(found.grid):
        raise DataError(f"{option}: {why}; use the shards that were scored")
    return pixels


def sample(
    scored: Path,
    shards: Path,
    count: int,
    seed: int,
    earlier: Earlier | None,
    known: bool,
    out: Path,
) -> int:
    """Draw a reference sample of the map, or with ``earlier`` of its change; how many tiles.

    ``known`` fills in the classes that the tiles were cut with.

    Raises:
        DataError: where the shards are not those of the map, or ``out`` is there.
    """
    found = layers.read(scored)
    pixels = [_pixels(shards, found, "--shards")]
    if earlier:
        strata = change.between(layers.read(earlier.scored), found).strata
        if earlier.shards:
            pixels.insert(0, _pixels(earlier.shards, found, "--before-shards"))
        return reference.draw(found, strata, STRATA, count, seed, pixels, out, None)
    labels = found.truth if known else None
    return reference.draw(found, found.predicted, found.classes, count, seed, pixels, out, labels)


def _tell_areas(found: Layers, estimate: Estimate | None, out: Path) -> None:
    mapped, smooth = found.areas(found.predicted), found.areas(found.smoothed)
    there = found.predicted >= 0
    true = found.areas(found.truth, there) if found.has_truth else None
    rows: list[dict[str, Any]] = []
    for number, name in enumerate(found.classes):
        row: dict[str, Any] = {
            "class": name,
            "tiles": int((found.predicted == number).sum()),
            "mapped_km2": round(mapped[number], 3),
            "smoothed_km2": round(smooth[number], 3),
        }
        if estimate:
            one = estimate.classes[number]
            row["adjusted_km2"] = round(one.adjusted, 3)
            row["margin_km2"] = None if one.margin is None else round(one.margin, 3)
            row["sampled"] = one.sampled
            row["users_accuracy"] = None if one.users is None else round(one.users, 4)
            row["producers_accuracy"] = None if one.producers is None else round(one.producers, 4)
        if true is not None:
            row["true_km2"] = round(true[number], 3)
        rows.append(row)
    table = pd.DataFrame(rows)
    with files.replacing(out / "areas.csv") as temporary:
        table.to_csv(temporary, index=False)
    print(_lines(rows, estimate is not None, true is not None))
    if estimate and estimate.accuracy is not None and estimate.margin is not None:
        print(
            f"accuracy of the map, by the sample: {estimate.accuracy:.1%} "
            f"± {estimate.margin:.1%} (95 %)"
        )
    elif estimate:
        names = ", ".join(found.classes[number] for number in estimate.unseen)
        print(
            f"no interval and no accuracy: fewer than two labelled tiles were mapped as {names}; "
            "label those of the sample"
        )


def _lines(rows: list[dict[str, Any]], adjusted: bool, true: bool) -> str:
    from tabulate import tabulate

    shown = []
    for row in rows:
        line = {"class": row["class"], "tiles": row["tiles"], "mapped, km²": row["mapped_km2"]}
        if adjusted:
            margin = row["margin_km2"]
            few = (
                f"(too few: {row['sampled']} < {ENOUGH})" if row["sampled"] < ENOUGH
                else "(sample not labelled)"
            )  # fmt: skip
            half = few if margin is None else f"± {margin:.1f}"
            line["adjusted, km²"] = f"{row['adjusted_km2']:.1f} {half}"
        line["smoothed, km²"] = row["smoothed_km2"]
        if true:
            line["true, km²"] = row["true_km2"]
        shown.append(line)
    return tabulate(shown, headers="keys", floatfmt=".1f", disable_numparse=[3] if adjusted else [])


def _tell_accuracy(found: Layers, out: Path) -> None:
    raw, smooth = (layers.accuracy(one, found.truth) for one in (found.predicted, found.smoothed))
    known = int(((found.predicted >= 0) & (found.truth >= 0)).sum())
    print(f"of {known} tiles with a known class: {raw:.1%} right, smoothed {smooth:.1%}")
    matrix = layers.confusion(found.predicted, found.truth, len(found.classes))
    table = pd.DataFrame(matrix, index=found.classes, columns=found.classes)
    with files.replacing(out / "confusion.csv") as temporary:
        table.to_csv(temporary, index_label="predicted \\ true")


def _tell_change(
    compared: Change, sample: reference.Reference | None, pixels: TilePixels | None,
    earlier: Earlier | None, out: Path,
) -> None:  # fmt: skip
    names = compared.names
    table = pd.DataFrame(compared.matrix, index=names, columns=names).round(3)
    with files.replacing(out / "change.csv") as temporary:
        table.to_csv(temporary, index_label="before \\ after, km²")
    tiles = compared.tiles
    rows = []
    for row, column in tiles:
        x, y = compared.after.grid.centre(row, column)
        rows.append(
            {
                "tile": grids.name(row, column), "x": x, "y": y,
                "before": names[compared.before.smoothed[row, column]],
                "after": names[compared.after.smoothed[row, column]],
                "confidence_before": round(float(compared.before.confidence[row, column]), 4),
                "confidence_after": round(float(compared.after.confidence[row, column]), 4),
            }
        )  # fmt: skip
    columns = ["tile", "x", "y", "before", "after", "confidence_before", "confidence_after"]
    with files.replacing(out / "changed_tiles.csv") as temporary:
        pd.DataFrame(rows, columns=columns).to_csv(temporary, index=False)
    changed = float(compared.matrix.sum() - np.trace(compared.matrix))
    print(
        f"{len(tiles)} of {(compared.strata >= 0).sum()} tiles have another class (smoothed): "
        f"{changed:.1f} km² mapped as changed"
    )
    if sample:
        each = np.broadcast_to(compared.after.grid.areas()[:, None], compared.strata.shape)
        sizes = np.array([each[compared.strata == number].sum() for number in range(2)])
        estimate = area.estimated(sample.counts, sizes)
        one = estimate.classes[1]
        if estimate.unseen:
            half = (
                "(no interval: label at least two tiles of those drawn as stable, and as changed)"
            )
        elif one.margin is None:
            half = f"(too few changed tiles in the sample: {one.sampled} < {ENOUGH})"
        else:
            half = f"± {one.margin:.1f}"
        print(f"changed, by the reference sample: {one.adjusted:.1f} km² {half}")
    else:
        print(
            "nobody knows how much of that is light, season and error: "
            "`swatchbook map sample --before` draws tiles to look at"
        )
    if pixels and earlier and earlier.shards and tiles:
        texts = [
            (f"{row['tile']}\nbefore: {row['before']}", f"after: {row['after']}") for row in rows
        ]
        before = _pixels(earlier.shards, compared.after, "--before-shards")
        picture.draw_changes(tiles, texts, before, pixels, out / "changed_tiles.png")


def _say(text: str) -> None:
    print(text, file=sys.stderr)
