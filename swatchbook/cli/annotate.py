"""``swatchbook annotate``: label fixes as rows of a file in git."""

import getpass
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pandas as pd

from swatchbook import annotations, params, splitting, store, suspects, tables, terminal
from swatchbook.errors import DataError, ImageRefused

_PREVIEW = 40
_NEXT = "`dvc repro` applies it"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"


def _images(command: Callable[..., None]) -> Callable[..., None]:
    """The arguments that all acts share."""
    for decorate in (
        click.argument("images", nargs=-1, required=True, metavar="IMAGE..."),
        click.option("--note", default="", help="Why."),
        click.option("--annotator", default=_user, help="Who; default: the user."),
    ):
        command = decorate(command)
    return command


@click.group()
def command() -> None:
    """Fix labels: each act is a row of annotations/<data set>.csv, the last one for an image wins.

    IMAGE is the beginning of its sha256, its path, or its name in the source.
    """


@command.command()
@_images
@click.option("--label", required=True, help="The right class.")
def relabel(images: tuple[str, ...], label: str, note: str, annotator: str) -> None:
    """Give images another label: swatchbook annotate relabel 3fa9 --label striped"""
    manifest = tables.MANIFEST.read()
    annotations.check_class(manifest, label)
    digests = _found(manifest, images)
    what = f"{_count(digests)} relabelled to {label!r}"
    _act(manifest, dict.fromkeys(digests, label), note, annotator, what)


@command.command()
@_images
def exclude(images: tuple[str, ...], note: str, annotator: str) -> None:
    """Leave images out."""
    manifest = tables.MANIFEST.read()
    digests = _found(manifest, images)
    what = f"{_count(digests)} excluded"
    _act(manifest, dict.fromkeys(digests, annotations.EXCLUDE), note, annotator, what)


@command.command()
@_images
def confirm(images: tuple[str, ...], note: str, annotator: str) -> None:
    """Say that the labels of images are right."""
    manifest = tables.MANIFEST.read()
    acts = annotations.on_images(annotations.read(_data_set()), manifest)
    digests = _found(manifest, images)
    labels = {sha256: annotations.label_of(manifest, acts, sha256) for sha256 in digests}
    _act(manifest, labels, note, annotator, f"{_count(digests)} confirmed")


@command.command()
@_images
def undo(images: tuple[str, ...], note: str, annotator: str) -> None:
    """Take back all acts on images: they have the label of their folder or list again."""
    manifest = tables.MANIFEST.read()
    digests = _found(manifest, images)
    what = f"acts on {_count(digests)} taken back"
    _act(manifest, dict.fromkeys(digests, ""), note, annotator, what)


@command.command()
@click.argument("images", nargs=-1, metavar="[IMAGE...]")
def show(images: tuple[str, ...]) -> None:
    """List the acts on images in order, or on all."""
    manifest = tables.MANIFEST.read()
    acts = annotations.on_images(annotations.read(_data_set()), manifest)
    acts = acts.sort_values("time", kind="stable")
    if images:
        acts = acts[acts["sha256"].isin(_found(manifest, images))]
    sources = dict(zip(manifest["sha256"], manifest["source"], strict=True))
    for act in acts.to_dict("records"):
        source = sources.get(act["sha256"], "(no longer in the source)")
        parts = act["sha256"][:16], act["label"] or "(taken back)", source, act["time"][:19]
        click.echo(terminal.plain("  ".join(filter(None, [*parts, act["annotator"], act["note"]]))))
    click.echo(f"annotate: {len(acts)} acts on {acts['sha256'].nunique()} images", err=True)


@command.command("suspects")
@click.option("--kind", type=click.Choice(suspects.KINDS), help="Only this kind of suspicion.")
@click.option("--annotator", default=_user, help="Who; default: the user.")
def walk(kind: str | None, annotator: str) -> None:
    """Walk through data/suspects.csv, with a small preview, and decide one by one.

    Each decision is written at once; quit whenever you like.
    """
    rows = tables.SUSPECTS.read()
    rows = rows[rows["kind"] == kind] if kind else rows
    manifest = tables.MANIFEST.read()
    acts = annotations.latest(annotations.on_images(annotations.read(_data_set()), manifest))
    rows = rows[~rows["sha256"].isin(acts.index[acts["label"] != ""])]
    show = terminal.shows_pictures(sys.stdout.isatty())
    decided: set[str] = set()
    for number, row in enumerate(rows.to_dict("records"), 1):
        if row["sha256"] in decided:
            continue  # listed for more than one reason
        if show:
            click.echo(_preview(row))
        text = f"{number}/{len(rows)}  {row['path']}  {row['label']}  {row['kind']}: {row['why']}"
        where = "  (test image)" if row["subset"] == splitting.TEST else ""
        click.echo(terminal.plain(text + where))
        label = _asked(row, manifest)
        if label is None:
            break
        if label:
            act = annotations.on_files({row["sha256"]: label}, manifest)
            annotations.append(_data_set(), act, row["kind"], annotator)
            decided.add(row["sha256"])
    click.echo(f"annotate: {len(decided)} of {rows['sha256'].nunique()} suspects decided; {_NEXT}")


def _asked(row: dict[Any, Any], manifest: pd.DataFrame) -> str | None:
    """The label that was chosen, nothing to go on, or None to quit."""
    choices = {"r": "relabel", "e": "exclude", "n": "next", "q": "quit"}
    if row["kind"] != "conflict":
        choices = {"c": f"confirm {row['label']}", **choices}
    if row["suggested"]:
        choices = {"s": row["suggested"], **choices}
    text = ", ".join(f"[{key}] {meaning}" for key, meaning in choices.items())
    while True:
        answer = click.prompt(text, type=click.Choice(list(choices)), show_choices=False)
        if answer != "r":
            break
        label: str = click.prompt("label")
        try:
            annotations.check_class(manifest, label)
        except DataError as error:
            click.echo(f"error: {error}", err=True)
        else:
            return label
    decisions = {"c": row["label"], "s": row["suggested"], "e": annotations.EXCLUDE, "n": ""}
    return decisions.get(answer)


def _preview(row: dict[Any, Any]) -> str:
    try:
        return terminal.picture(store.pixels(row["sha256"], Path(row["path"]), _PREVIEW, "pad"))
    except ImageRefused as error:
        return f"(no preview: {error.reason})"


def _act(
    manifest: pd.DataFrame, labels: dict[str, str], note: str, annotator: str, what: str
) -> None:
    acts = annotations.on_files(labels, manifest)
    path = annotations.append(_data_set(), acts, note, annotator)
    click.echo(f"annotate: {what} → {path}; {_NEXT}")


def _found(manifest: pd.DataFrame, images: tuple[str, ...]) -> list[str]:
    # all are found before any is written
    return list(dict.fromkeys(annotations.find(manifest, image) for image in images))


def _count(digests: list[Any]) -> str:
    return f"{len(digests)} image{'s' * (len(digests) != 1)}"


def _data_set() -> str:
    return params.load().acquire.data_set
