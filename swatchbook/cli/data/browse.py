"""``swatchbook browse``: look at images and results in a browser, and fix labels there."""

import os
import secrets
import sys

import click

from swatchbook.cli.data.annotate import user


@click.command("browse")
@click.argument("page", default="/", metavar="[PAGE]")
@click.option(
    "--port", default=8001, type=click.IntRange(1, 65535), show_default=True,
    help="Port; the next free one where it is taken.",
)  # fmt: skip
@click.option(
    "--from", "folder", help="Folder of new images, to be labelled and taken in; see `next`."
)
@click.option("--read-only", is_flag=True, help="Only look.")
@click.option("--no-open", is_flag=True, help="Don't open a browser.")
@click.option("--annotator", default=user, help="Who fixes labels; default: the user.")
def command(
    page: str, folder: str | None, port: int, read_only: bool, no_open: bool, annotator: str
) -> None:
    """Look at images, fix labels and see the results, in a browser on this machine.

    PAGE is what stands behind the address, as in images?label=local. Every fix is written at once,
    as by `swatchbook annotate`; Ctrl-C ends.
    """
    from swatchbook.browser import app
    from swatchbook.browser.desk import Desk
    from swatchbook.browser.labels.unlabelled import Unlabelled
    from swatchbook.project import params
    from swatchbook.project.shared_keys import DataSet
    from swatchbook.server import running
    from swatchbook.server.telemetry import Telemetry

    unlabelled = Unlabelled(folder, annotator) if folder else None
    params.load(DataSet)  # outside of a project: say so before anything is opened
    own = running.bound_from("127.0.0.1", port)
    port = own.getsockname()[1]
    token = secrets.token_hex(32)
    # a line for each picture would be of no use
    telemetry = Telemetry(only=("error", "server"))
    application = app.build(Desk(annotator), telemetry, token, port, read_only, unlabelled)
    joint = "&" if "?" in page else "?"
    address = f"http://127.0.0.1:{port}/{page.lstrip('/')}{joint}token={token}"
    click.echo(f"browse: {address} (Ctrl-C ends)")
    if os.environ.get("SSH_CONNECTION"):
        click.echo(f"browse: from your own machine first: ssh -N -L {port}:127.0.0.1:{port} HOST")
    elif not no_open and sys.stdout.isatty():
        click.launch(address)
    sys.stdout.flush()
    running.run(application, telemetry, own)
