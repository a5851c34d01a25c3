"""``swatchbook pack``: images as shards."""

import sys
from pathlib import Path

import click

from swatchbook.cli.options import OutputFile


@click.command("pack")
@click.argument("images", nargs=-1, required=True, metavar="PATH…|-|URL-LIST")
@click.option("--out", required=True, type=OutputFile(or_folder=True), help="The folder to make.")
@click.option(
    "--shard-images", default=1000, type=click.IntRange(1, 1_000_000), show_default=True,
    help="Most images of a shard; fewer where they fill 64 MiB.",
)  # fmt: skip
def command(images: tuple[str, ...], out: Path, shard_images: int) -> None:
    """Put images into shards, so that many machines can score or featurize a part each.

    Takes what `predict` takes. All or nothing: what a killed run left is no pack.

    swatchbook pack photos/ more.zip --out shards/
    """
    from swatchbook.base import machine
    from swatchbook.fetching.manners import Manners
    from swatchbook.prediction import inputs
    from swatchbook.shards import packing

    manners = Manners(agent=machine.agent(), allowed=machine.allowed_networks())
    given = inputs.gathered(images, sys.stdin.buffer, manners)
    packed = packing.pack(given.candidates, out, packing.Size(images=shard_images))
    facts, left_out = packed.manifest.facts, packed.left_out
    why = ", ".join(f"{count} {reason}" for reason, count in left_out.most_common())
    click.echo(
        f"pack: {facts['named']} images = {facts['images']} in {facts['shards']} shards "
        f"({facts['bytes'] / 2**20:.1f} MiB) + {left_out.total()} left out"
        f"{f' ({why}; {out / packing.LEFT_OUT})' if why else ''} → {out}"
    )
