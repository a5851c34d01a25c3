"""``swatchbook browse``: look at images and results in a browser, and fix labels there."""

import os
import secrets
import sys
from pathlib import Path

import click

from swatchbook.base import machine
from swatchbook.base.errors import ParamsError
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
@click.option("--run", default="", help="Look at another run: a commit, branch, experiment.")
@click.option(
    "--host", default="127.0.0.1", show_default=True,
    help="Address to listen on; others than this machine's need a key, and --name.",
)  # fmt: skip
@click.option("--name", "names", multiple=True, help="Name by which others reach it.")
@click.option("--read-only", is_flag=True, help="Only look.")
@click.option("--no-open", is_flag=True, help="Don't open a browser.")
@click.option("--annotator", default=user, help="Who fixes labels; default: the user.")
def command(
    page: str,
    folder: str | None,
    port: int,
    run: str,
    host: str,
    names: tuple[str, ...],
    read_only: bool,
    no_open: bool,
    annotator: str,
) -> None:
    """Look at images, fix labels and see the results, in a browser on this machine.

    PAGE is what stands behind the address, as in images?label=local. Every fix is written at once,
    as by `swatchbook annotate`; Ctrl-C ends.
    """
    import tempfile

    from swatchbook.browser import app
    from swatchbook.browser.desk import Desk
    from swatchbook.experiments.history.git_history import WORKSPACE
    from swatchbook.project import params
    from swatchbook.project.shared_keys import DataSet
    from swatchbook.server import running
    from swatchbook.server.telemetry import Telemetry

    params.load(DataSet)  # outside of a project: say so before anything is opened
    run = "" if run == WORKSPACE else run
    if run and folder:
        raise click.UsageError("--run and --from: new images are labelled for the workspace only")
    token = _token(host, names)
    with tempfile.TemporaryDirectory(prefix="swatchbook-run-") as unpacked:
        if run:
            _unpack(run, Path(unpacked))
        unlabelled = None
        if folder:
            from swatchbook.browser.labels.unlabelled import Unlabelled

            unlabelled = Unlabelled(folder, annotator)
        own = running.bound_from(host, port)
        port = own.getsockname()[1]
        # a line for each picture would be of no use
        telemetry = Telemetry(only=("error", "server"))
        settings = app.Settings(
            token, port, read_only or bool(run), [name.lower() for name in names], run
        )
        application = app.build(Desk(annotator), telemetry, settings, unlabelled)
        joint = "&" if "?" in page else "?"
        place = names[0] if names else f"[{host}]" if ":" in host else host
        address = f"http://{place}:{port}/{page.lstrip('/')}"
        # a key is known to who set it, and is not to stand in a log
        address += "" if names else f"{joint}token={token}"
        click.echo(f"browse: {address} (Ctrl-C ends)")
        if os.environ.get("SSH_CONNECTION") and not names:
            click.echo(
                f"browse: from your own machine first: ssh -N -L {port}:127.0.0.1:{port} HOST"
            )
        elif not no_open and sys.stdout.isatty():
            click.launch(address)
        sys.stdout.flush()
        running.run(application, telemetry, own)


def _token(host: str, names: tuple[str, ...]) -> str:
    """Of this start; where others can come the key that they know."""
    from swatchbook.server import running

    if running.is_loopback(host) and not names:
        return secrets.token_hex(32)
    key = machine.api_key()
    if not key:
        raise ParamsError(
            f"--host: {host} can be reached by others: set a key in SWATCHBOOK_API_KEY first; or "
            "stay here, and use ssh -L"
        )
    if not names:
        raise ParamsError(
            f"--host: {host} can be reached by others: --name says by which name of this machine"
        )
    return key


def _unpack(run: str, folder: Path) -> None:
    from swatchbook.experiments.history import kept_run

    missing = kept_run.unpack(run, folder)
    if missing:
        click.echo(f"browse: {run} has no {', '.join(missing)}", err=True)
    # a relative one would stand in the folder that is left behind
    os.environ["SWATCHBOOK_CACHE"] = str(machine.cache_folder())
    os.chdir(folder)
