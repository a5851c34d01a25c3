"""``swatchbook call``: ask a service."""

import statistics
import sys

import click

from swatchbook.base import machine, terminal
from swatchbook.base.errors import ImageRefused


@click.command("call")
@click.argument("url")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE…")
@click.option("--n", "count", default=1, type=click.IntRange(1), help="Calls for each image.")
@click.option("--top-k", "top", default=3, type=click.IntRange(1), help="Classes of each image.")
@click.pass_context
def command(
    context: click.Context, url: str, images: tuple[str, ...], count: int, top: int
) -> None:
    """Ask a service about images, and tell where the time goes.

    SWATCHBOOK_API_KEY is shown to the service. Exit code 0; 1 where an image was refused.

    swatchbook call http://127.0.0.1:8000 photo.jpg --n 5
    """
    from swatchbook.fetching.manners import Manners
    from swatchbook.prediction import inputs
    from swatchbook.service.client import Call, Client

    client = Client(url, machine.api_key())
    manners = Manners(agent=machine.agent(), allowed=machine.allowed_networks())
    calls: list[Call] = []
    refused = 0
    for candidate in inputs.gathered(images, sys.stdin.buffer, manners).candidates:
        name = terminal.plain(candidate.name)
        try:
            of_image = list(client.calls(candidate.content(), top, count))
        except ImageRefused as error:
            click.echo(f"{name}: {error.reason}")
            refused += 1
            continue
        calls += of_image
        result = of_image[-1].result
        refused += result["status"] == "refused"
        said = result.get("reason") or ", ".join(
            f"{terminal.plain(one['label'])} {one['probability']:.1%}" for one in result["top"]
        )
        click.echo(f"{name}: {said}")
    if calls:
        total, compute = sum(call.total for call in calls), sum(call.compute for call in calls)
        middle = statistics.median(call.total for call in calls)
        click.echo(
            f"call: {len(calls)} calls in {total:.3f} s: {compute:.3f} s of compute, "
            f"{total - compute:.3f} s of overhead; median {1000 * middle:.1f} ms",
            err=True,
        )
    context.exit(1 if refused else 0)
