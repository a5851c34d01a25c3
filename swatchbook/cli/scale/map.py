"""``swatchbook map``: scored tiles as maps, areas and change."""

from pathlib import Path

import click

from swatchbook.cli.options import OutputFile

_SCORED = click.argument("scored", type=click.Path(path_type=Path), metavar="SCORED")
_BEFORE = click.option(
    "--before", type=click.Path(path_type=Path), metavar="SCORED", help="Scores of an earlier date."
)
_BEFORE_SHARDS = click.option(
    "--before-shards", type=click.Path(path_type=Path), metavar="SHARDS",
    help="The tiles of the earlier date, for pictures of both.",
)  # fmt: skip


class _Map(click.Group):
    """A folder in place of a command is to be drawn."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, "-h", "--help"):
            args = ["draw", *args]
        return super().parse_args(ctx, args)


@click.group("map", cls=_Map)
def command() -> None:
    """Draw scored tiles as maps, and measure areas and change: swatchbook map SCORED --out DIR."""


@command.command("draw")
@_SCORED
@click.option("--out", required=True, type=OutputFile(or_folder=True), help="The folder of maps.")
@click.option(
    "--shards", type=click.Path(path_type=Path), metavar="SHARDS",
    help="The tiles themselves, for the photograph below the map.",
)  # fmt: skip
@click.option(
    "--reference", type=click.Path(path_type=Path), metavar="FOLDER",
    help="A labelled sample (`map sample`): areas are adjusted by it.",
)  # fmt: skip
@_BEFORE
@_BEFORE_SHARDS
@click.option("--groups", is_flag=True, help="Classes taken together as their column group says.")
def draw(
    scored: Path,
    out: Path,
    shards: Path | None,
    reference: Path | None,
    before: Path | None,
    before_shards: Path | None,
    groups: bool,
) -> None:
    """Write map.png, map.html, GeoTIFF, GeoJSON and tables of areas (and of change).

    swatchbook map scored/2016 --shards shards/2016 --out maps/2016
    """
    if before_shards and not before:
        raise click.UsageError("--before-shards: give --before as well")
    from swatchbook.maps import mapping

    earlier = mapping.Earlier(before, before_shards) if before else None
    mapping.make(scored, out, shards, reference, earlier, groups)


@command.command("sample")
@_SCORED
@click.option(
    "--shards", required=True, type=click.Path(path_type=Path), help="The tiles that were scored."
)
@click.option(
    "--out", required=True, type=OutputFile(or_folder=True), help="The folder of pictures to make."
)
@click.option("--n", "count", default=200, type=click.IntRange(2), help="Tiles.", show_default=True)
@click.option("--seed", default=0, type=click.IntRange(0), help="Another, other tiles.")
@_BEFORE
@_BEFORE_SHARDS
@click.option("--known", is_flag=True, help="Fill in the classes that the tiles were cut with.")
def sample(
    scored: Path,
    shards: Path,
    out: Path,
    count: int,
    seed: int,
    before: Path | None,
    before_shards: Path | None,
    known: bool,
) -> None:
    """Draw a reference sample, stratified by mapped class, or by change with --before.

    Label it in sample.csv or by `swatchbook browse --from`; then give it to map --reference.

    swatchbook map sample scored/2016 --shards shards/2016 --out reference/
    """
    if known and before:
        raise click.UsageError("--known: of change nothing is known; label the sample")
    from swatchbook.maps import mapping

    earlier = mapping.Earlier(before, before_shards) if before else None
    drawn = mapping.sample(scored, shards, count, seed, earlier, known, out)
    click.echo(f"map: {drawn} tiles to label, each with its neighbours around it → {out}")
