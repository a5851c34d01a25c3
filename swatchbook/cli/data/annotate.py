"""``swatchbook annotate``: label fixes as rows of a file in git."""

import getpass
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from swatchbook.base import terminal
from swatchbook.review.choices import KINDS

if TYPE_CHECKING:
    import pandas as pd

_NEXT = "`dvc repro` applies it"


def user() -> str:
    """Who is at work here."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"


def _images(command: Callable[..., None]) -> Callable[..., None]:
    """The arguments that all acts share."""
    for decorate in (
        click.argument("images", nargs=-1, required=True, metavar="IMAGE..."),
        click.option("--note", default="", help="Why."),
        click.option("--annotator", default=user, help="Who; default: the user."),
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
@click.option("--new-class", is_flag=True, help="The class is new: no folder of the source has it.")
def relabel(
    images: tuple[str, ...], label: str, new_class: bool, note: str, annotator: str
) -> None:
    """Give images another label: swatchbook annotate relabel 3fa9 --label striped"""
    from swatchbook.acquisition.candidate import check_alike, check_label
    from swatchbook.curation import annotations
    from swatchbook.project import tables

    manifest = tables.MANIFEST.read()
    digests = _found(manifest, images)
    if new_class:
        label = check_label(label, "--label")
        known = annotations.classes(manifest[manifest["status"] == "ok"], _data_set())
        if label == annotations.EXCLUDE:
            raise click.BadParameter(f"{label!r} leaves images out: annotate exclude")
        check_alike({*known, label})
        if label not in known:
            annotations.add_class(_data_set(), label)
    label = annotations.check_class(manifest, label, _data_set())
    what = f"{_count(digests)} relabelled to {label!r}"
    _act(manifest, dict.fromkeys(digests, label), note, annotator, what)


@command.command()
@_images
def exclude(images: tuple[str, ...], note: str, annotator: str) -> None:
    """Leave images out."""
    from swatchbook.curation import annotations
    from swatchbook.project import tables

    manifest = tables.MANIFEST.read()
    digests = _found(manifest, images)
    what = f"{_count(digests)} excluded"
    _act(manifest, dict.fromkeys(digests, annotations.EXCLUDE), note, annotator, what)


@command.command()
@_images
def confirm(images: tuple[str, ...], note: str, annotator: str) -> None:
    """Say that the labels of images are right."""
    from swatchbook.curation import annotations
    from swatchbook.project import tables

    manifest = tables.MANIFEST.read()
    acts = annotations.on_images(annotations.read(_data_set()), manifest)
    digests = _found(manifest, images)
    labels = {sha256: annotations.label_of(manifest, acts, sha256) for sha256 in digests}
    _act(manifest, labels, note, annotator, f"{_count(digests)} confirmed")


@command.command()
@_images
def undo(images: tuple[str, ...], note: str, annotator: str) -> None:
    """Take back all acts on images: they have the label of their folder or list again."""
    from swatchbook.project import tables

    manifest = tables.MANIFEST.read()
    digests = _found(manifest, images)
    what = f"acts on {_count(digests)} taken back"
    _act(manifest, dict.fromkeys(digests, ""), note, annotator, what)


@command.command()
@click.argument("images", nargs=-1, metavar="[IMAGE...]")
def show(images: tuple[str, ...]) -> None:
    """List the acts on images in order, or on all."""
    from swatchbook.curation import annotations
    from swatchbook.project import tables

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
@click.option("--kind", type=click.Choice(KINDS), help="Only this kind of suspicion.")
@click.option("--annotator", default=user, help="Who; default: the user.")
def walk(kind: str | None, annotator: str) -> None:
    """Walk through data/suspects.csv, with a small preview, and decide one by one.

    Each decision is written at once; quit whenever you like.
    """
    from swatchbook.cli.data import suspects_walk

    suspects_walk.walk(kind, annotator)


def _act(
    manifest: "pd.DataFrame", labels: dict[str, str], note: str, annotator: str, what: str
) -> None:
    from swatchbook.curation import annotations

    acts = annotations.on_files(labels, manifest)
    path = annotations.append(_data_set(), acts, note, annotator)
    click.echo(f"annotate: {what} → {path}; {_NEXT}")


def _found(manifest: "pd.DataFrame", images: tuple[str, ...]) -> list[str]:
    from swatchbook.curation import annotations

    # all are found before any is written
    return list(dict.fromkeys(annotations.find(manifest, image) for image in images))


def _count(digests: list[Any]) -> str:
    return f"{len(digests)} image{'s' * (len(digests) != 1)}"


def _data_set() -> str:
    from swatchbook.project import params
    from swatchbook.project.shared_keys import DataSet

    return params.load(DataSet).data_set
