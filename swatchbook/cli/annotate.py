"""``swatchbook annotate``: label fixes as rows of a file in git."""

import getpass
from collections.abc import Callable
from typing import Any

import click
import pandas as pd

from swatchbook import annotations, params, tables

_NEXT = "`dvc repro` applies it"


def _images(command: Callable[..., None]) -> Callable[..., None]:
    """The arguments that all acts share."""
    for decorate in (
        click.argument("images", nargs=-1, required=True, metavar="IMAGE..."),
        click.option("--note", default="", help="Why."),
        click.option("--annotator", default=getpass.getuser, help="Who; default: the user."),
    ):
        command = decorate(command)
    return command


@click.group()
def annotate() -> None:
    """Fix labels: each act is a row of annotations/<data set>.csv, the last one for an image wins.

    IMAGE is the beginning of its sha256, its path, or its name in the source.
    """


@annotate.command()
@_images
@click.option("--label", required=True, help="The right class.")
def relabel(images: tuple[str, ...], label: str, note: str, annotator: str) -> None:
    """Give images another label: swatchbook annotate relabel 3fa9 --label striped"""
    manifest = tables.MANIFEST.read()
    annotations.check_label(manifest, label)
    digests = _found(manifest, images)
    _act(digests, label, note, annotator, f"{_count(digests)} relabelled to {label!r}")


@annotate.command()
@_images
def exclude(images: tuple[str, ...], note: str, annotator: str) -> None:
    """Leave images out."""
    digests = _found(tables.MANIFEST.read(), images)
    _act(digests, annotations.EXCLUDE, note, annotator, f"{_count(digests)} excluded")


@annotate.command()
@_images
def confirm(images: tuple[str, ...], note: str, annotator: str) -> None:
    """Say that the labels of images are right."""
    manifest, acts = tables.MANIFEST.read(), annotations.read(_data_set())
    digests = _found(manifest, images)
    labels = [annotations.label_of(manifest, acts, sha256) for sha256 in digests]
    for sha256, label in zip(digests, labels, strict=True):
        annotations.append(_data_set(), [sha256], label, note, annotator)
    click.echo(f"annotate: {_count(digests)} confirmed; {_NEXT}")


@annotate.command()
@_images
def undo(images: tuple[str, ...], note: str, annotator: str) -> None:
    """Take back all acts on images: they have the label of their folder or list again."""
    digests = _found(tables.MANIFEST.read(), images)
    _act(digests, "", note, annotator, f"acts on {_count(digests)} taken back")


@annotate.command()
@click.argument("images", nargs=-1, metavar="[IMAGE...]")
def show(images: tuple[str, ...]) -> None:
    """List the acts on images in order, or on all."""
    acts = annotations.read(_data_set()).sort_values("time", kind="stable")
    manifest = tables.MANIFEST.read()
    if images:
        acts = acts[acts["sha256"].isin(_found(manifest, images))]
    sources = dict(zip(manifest["sha256"], manifest["source"], strict=True))
    for act in acts.to_dict("records"):
        source = sources.get(act["sha256"], "(no longer in the source)")
        parts = act["sha256"][:16], act["label"] or "(taken back)", source, act["time"][:19]
        click.echo("  ".join(filter(None, [*parts, act["annotator"], act["note"]])))
    click.echo(f"annotate: {len(acts)} acts on {acts['sha256'].nunique()} images", err=True)


def _act(digests: list[str], label: str, note: str, annotator: str, what: str) -> None:
    path = annotations.append(_data_set(), digests, label, note, annotator)
    click.echo(f"annotate: {what} → {path}; {_NEXT}")


def _found(manifest: pd.DataFrame, images: tuple[str, ...]) -> list[str]:
    # all are found before any is written
    return list(dict.fromkeys(annotations.find(manifest, image) for image in images))


def _count(digests: list[Any]) -> str:
    return f"{len(digests)} image{'s' * (len(digests) != 1)}"


def _data_set() -> str:
    return params.load().acquire.data_set
