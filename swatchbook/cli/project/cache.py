"""``swatchbook cache``: features and finished runs shared over remote storage."""

from pathlib import Path

import click

from swatchbook.base import caches, files
from swatchbook.base.errors import DataError

_REMOTE = click.option(
    "--remote", default="", metavar="NAME", help="A remote of DVC (default: DVC's default)."
)


@click.group("cache")
def command() -> None:
    """Share features and finished runs, or take in those of a cluster.

    `dvc push` shares the results of the current commit; this shares all that was tried, and the
    features that new runs are made of: a team computes each once.
    """


@command.command("pull")
@_REMOTE
@click.pass_context
def pull(context: click.Context, remote: str) -> None:
    """Take in the features and runs that others have pushed.

    `dvc repro --pull` then fetches what a finished run made, from the default remote, instead of
    making it again. Exit code 0; 1 where something was damaged, which is left out.
    """
    from swatchbook.storage import remotes, shared_features, shared_runs

    storage = remotes.opened(remote)
    storage.reach()
    runs = shared_runs.pull(storage)
    moved = shared_features.pull(storage)
    click.echo(
        f"cache: {moved.values} features and {runs.runs} runs taken in from {storage.name!r}"
    )
    context.exit(_told([*runs.damaged, *moved.damaged]))


@command.command("push")
@_REMOTE
@click.option("--all", "everything", is_flag=True, help="Of all networks, not models/network.onnx.")
@click.pass_context
def push(context: click.Context, remote: str, everything: bool) -> None:
    """Share the finished runs of this clone, and features of this project's images.

    Features that others have pushed are taken in first. Exit code 0; 1 where some were damaged.
    """
    from swatchbook.project import tables
    from swatchbook.storage import remotes, shared_features, shared_runs

    images = tables.MANIFEST.read()["sha256"]
    storage = remotes.opened(remote)
    networks = _networks(everything)
    storage.reach()
    runs = shared_runs.push(storage)
    moved = shared_features.push(storage, networks, set(images[images != ""]))
    click.echo(f"cache: {moved.values} features and {runs.runs} runs pushed to {storage.name!r}")
    context.exit(_told(moved.damaged))


@command.command("import")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.pass_context
def import_(context: click.Context, folder: Path) -> None:
    """Take in features that a cluster has computed (`spark featurize`).

    `make repro` then finds them instead of computing them. Exit code 0; 1 where some were missing
    or damaged.
    """
    from swatchbook.shards import chunks, completeness, featurizing

    results = chunks.opened(folder)
    count = featurizing.take_in(results)
    found = completeness.judge(results)
    click.echo(f"cache: {count} features of {found.wanted} images taken in from {folder}")
    if not found.complete:
        click.echo(f"cache: {found.missing} are missing: run those shards again", err=True)
    context.exit(0 if found.complete else 1)


def _networks(everything: bool) -> set[str]:
    from swatchbook.project.paths import NETWORK

    if everything:
        folder = caches.folder(caches.FEATURES)
        return {path.stem for path in folder.glob("*.sqlite")}
    if not NETWORK.is_file():
        raise DataError(f"{NETWORK}: no such file; `dvc repro` makes it, or give --all")
    return {files.sha256(NETWORK)}


def _told(damaged: list[str]) -> int:
    for name in damaged:
        click.echo(f"cache: damaged on the remote, left out: {name}", err=True)
    if damaged:
        click.echo("cache: `swatchbook verify --remote NAME --fix` mends it", err=True)
    return 1 if damaged else 0
