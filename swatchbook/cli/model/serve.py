"""``swatchbook serve``: the REST service."""

from pathlib import Path

import click

from swatchbook.base import machine
from swatchbook.base.errors import ParamsError
from swatchbook.cli.options import Origin
from swatchbook.project.paths import MODEL


@click.command("serve")
@click.option(
    "--model", default=MODEL, type=click.Path(path_type=Path), help="The bundle.",
    show_default=True,
)  # fmt: skip
@click.option("--host", default="127.0.0.1", help="Address to listen on.", show_default=True)
@click.option(
    "--port", default=8000, type=click.IntRange(1, 65535), help="Port.", show_default=True
)
@click.option(
    "--queue", type=click.IntRange(1, 10_000),
    help="Images that may wait; more are told to come again (default: 4 a processor).",
)  # fmt: skip
@click.option(
    "--max-images", default=64, type=click.IntRange(1, 1000), show_default=True,
    help="Most images of one request.",
)  # fmt: skip
@click.option(
    "--collect", "collect", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER",
    help="Keep images that it is unsure of there, for a person to label.",
)  # fmt: skip
@click.option(
    "--collect-below", type=click.FloatRange(0, 1, min_open=True),
    help="Unsure is below this confidence (default: bundle.threshold).",
)  # fmt: skip
@click.option(
    "--collect-most", default=1000, type=click.IntRange(1, 1_000_000), show_default=True,
    help="Most images in that folder.",
)  # fmt: skip
@click.option("--evidence", is_flag=True, help="Offer nearest training images (of this project).")
@click.option(
    "--cors", type=Origin(), multiple=True, metavar="ORIGIN", help="Sites whose pages may ask."
)
@click.option(
    "--precision", default="auto", type=click.Choice(["auto", "float32", "bfloat16"]),
    help="Arithmetic.",
)  # fmt: skip
def command(
    model: Path,
    host: str,
    port: int,
    queue: int | None,
    max_images: int,
    collect: Path | None,
    collect_below: float | None,
    collect_most: int,
    evidence: bool,
    cors: tuple[str, ...],
    precision: str,
) -> None:
    """Answer over HTTP which class images have.

    A key in SWATCHBOOK_API_KEY is asked of everybody; without one only this machine is listened
    to. SIGHUP, or POST /v1/reload, loads the model anew; SIGTERM ends without dropping anything.
    """
    from swatchbook.server import running
    from swatchbook.server.telemetry import Telemetry
    from swatchbook.service import app, serving
    from swatchbook.service.deployment import Deployment

    key, local = machine.api_key(), running.is_loopback(host)
    if not local and not key:
        raise ParamsError(
            f"--host: {host} can be reached by others: set a key in SWATCHBOOK_API_KEY first"
        )
    telemetry = Telemetry()
    collector = None
    if collect is not None:
        from swatchbook.service.collecting import Collector

        collector = Collector(collect, collect_below, collect_most, telemetry)
    elif collect_below is not None:
        raise click.UsageError("--collect-below: --collect FOLDER says where")
    deployment = Deployment(model, precision, evidence, telemetry)
    settings = app.Settings(
        images=queue or 4 * machine.workers(),
        most=max_images,
        key=key,
        local=local and not key,
        origins=cors,
    )
    application = app.build(deployment, telemetry, settings, collector)
    serving.serve(application, deployment, telemetry, host, port)
