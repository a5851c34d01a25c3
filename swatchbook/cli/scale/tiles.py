"""``swatchbook tiles``: rasters as shards of tiles."""

from pathlib import Path
from typing import Any

import click

from swatchbook.cli.options import OutputFile


class _Numbers(click.ParamType):
    """So many numbers, separated by commas."""

    name = "numbers"

    def __init__(self, count: int, kind: type[int] | type[float]) -> None:
        self._count, self._kind = count, kind

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        try:
            found = tuple(self._kind(part) for part in str(value).split(","))
        except ValueError:
            found = ()
        if len(found) != self._count:
            self.fail(
                f"{value!r}: {self._count} numbers with commas between are needed", param, ctx
            )
        return found


@click.command("tiles")
@click.argument("rasters", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--tile", "side", required=True, type=click.IntRange(4, 4096), help="Pixels a side.")
@click.option(
    "--out", required=True, type=OutputFile(or_folder=True), help="The folder of shards to make."
)
@click.option(
    "--bands", default="1,2,3", type=_Numbers(3, int), show_default=True,
    help="Red, green and blue of rasters with several bands.",
)  # fmt: skip
@click.option(
    "--levels", type=_Numbers(2, float), metavar="BLACK,WHITE",
    help="Of more than 8 bits (default: percentiles 0.5 and 99.5 of each band).",
)  # fmt: skip
@click.option(
    "--grid", "like", type=click.Path(path_type=Path), metavar="SHARDS",
    help="Cut by the grid of these shards: another date of the same place.",
)  # fmt: skip
@click.option(
    "--within",
    type=click.Path(path_type=Path),
    metavar="GEOJSON",
    help="Only inside of these polygons.",
)
@click.option(
    "--bounds", type=_Numbers(4, float), metavar="LEFT,BOTTOM,RIGHT,TOP",
    help="Only inside of this box, in the raster's coordinates.",
)  # fmt: skip
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    metavar="RASTER",
    help="Land cover: codes of classes.",
)
@click.option(
    "--classes", type=click.Path(path_type=Path), metavar="CSV",
    help="Columns code, class, and if wanted group and colour.",
)  # fmt: skip
@click.option(
    "--rule", default="nine", show_default=True,
    help="nine (points agree), plurality, or share:0.8 (of the tile).",
)  # fmt: skip
@click.option(
    "--labels-crs", default="", metavar="EPSG:N", help="Where what --labels says is wrong."
)
@click.option(
    "--images", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER",
    help="Also write tiles that have a class as class folders, to train on.",
)  # fmt: skip
@click.option(
    "--block", default=8, type=click.IntRange(1), show_default=True,
    help="Of --images: squares of so many tiles stay together in a split by folder.",
)  # fmt: skip
@click.option(
    "--max-empty", default=10, type=click.IntRange(0), show_default=True,
    help="Drop a tile with more pixels that are no data.",
)  # fmt: skip
def command(
    rasters: tuple[Path, ...],
    side: int,
    out: Path,
    bands: tuple[int, int, int],
    levels: tuple[float, float] | None,
    like: Path | None,
    within: Path | None,
    bounds: tuple[float, float, float, float] | None,
    labels: Path | None,
    classes: Path | None,
    rule: str,
    labels_crs: str,
    images: Path | None,
    block: int,
    max_empty: int,
) -> None:
    """Cut rasters into square tiles, packed as shards; with their classes where these are known.

    Rasters of several bands are parts of one place; three of one band are red, green and blue.

    swatchbook tiles 2016.tif --tile 224 --labels nlcd.tif --classes classes.csv --out shards/
    """
    if bool(labels) != bool(classes):
        raise click.UsageError("--labels and --classes: give both of them, or none")
    if images and not labels:
        raise click.UsageError("--images: only tiles with a class are written; give --labels")
    if within and bounds:
        raise click.UsageError("--within and --bounds: give one of them")
    from swatchbook.base.errors import DataError
    from swatchbook.maps import place, tiling, truth
    from swatchbook.maps.grid import Grid
    from swatchbook.maps.imagery import Imagery
    from swatchbook.shards import manifest

    if images:
        tiling.check_new(images)
    labelling = None
    if labels and classes:
        known = truth.classes_of(classes)
        labelling = tiling.Labelling(labels, labels_crs, known, truth.Rule.of(rule))
    with Imagery(rasters, bands, levels) as imagery:
        grid = imagery.grid(side)
        if like:
            grid = Grid.of(manifest.read(like).facts.get("grid", {}))
            if grid.side != side:
                raise DataError(
                    f"--tile: {side}, and the tiles of {like} have {grid.side}; use that"
                )
            if why := imagery.fits(grid):
                raise DataError(
                    f"--grid: {why} than {like} was cut from; `rio warp --like` makes them agree"
                )
        where = place.of_box(bounds) if bounds else None
        if within:
            where = place.of_geojson(within, grid)
        if labels and (note := truth.datum_note(labels, labels_crs, grid)):
            click.echo(f"tiles: {note}", err=True)
        tiled = tiling.tile(imagery, grid, where, labelling, max_empty, out)
        shift = imagery.shift(grid)
    dropped = ", ".join(f"{count} {why}" for why, count in sorted(tiled.dropped.items()))
    total = grid.rows * grid.columns
    click.echo(
        f"tiles: {total} places ({grid.rows} × {grid.columns}) = "
        f"{tiled.manifest.facts['images']} tiles + {tiled.dropped.total()} dropped"
        f"{f' ({dropped})' if dropped else ''} → {out}"
    )
    if like:
        click.echo(f"tiles: aligned with {like} within {shift:.2f} pixels")
    if labelling:
        unknown = tiled.labels.pop("", 0)
        counts = ", ".join(f"{count} {name}" for name, count in tiled.labels.most_common())
        click.echo(f"tiles: by rule {rule}: {counts or 'none has a class'}; {unknown} without one")
        for name in known.names:
            if not tiled.labels[name]:
                click.echo(f"tiles: no tile is {name!r}", err=True)
    if images:
        written = tiling.to_folders(tiled, out, images, block)
        click.echo(
            f"tiles: {written} images in class folders → {images}; `split.by: folder` keeps the "
            f"tiles of a class in {block} × {block} together"
        )
