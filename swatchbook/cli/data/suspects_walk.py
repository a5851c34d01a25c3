"""Suspects one by one, each with a small picture and a decision by one key."""

import sys
from pathlib import Path
from typing import Any

import click
import pandas as pd

from swatchbook.base import terminal
from swatchbook.base.errors import DataError, ImageRefused
from swatchbook.curation import annotations
from swatchbook.images import store
from swatchbook.images.frame import Frame
from swatchbook.project import params, tables
from swatchbook.project.shared_keys import DataSet, DeepLevels

_PREVIEW = 40


def walk(kind: str | None, annotator: str) -> None:
    """Ask about each suspect of ``kind`` (None: of any), and write each decision at once."""
    data_set = params.load(DataSet).data_set
    rows = tables.SUSPECTS.read()
    rows = rows[rows["kind"] == kind] if kind else rows
    manifest = tables.MANIFEST.read()
    acts = annotations.latest(annotations.on_images(annotations.read(data_set), manifest))
    rows = rows[~rows["sha256"].isin(acts.index[acts["label"] != ""])]
    show = terminal.shows_pictures(sys.stdout.isatty())
    decided: set[str] = set()
    for number, row in enumerate(rows.to_dict("records"), 1):
        if row["sha256"] in decided:
            continue  # listed for more than one reason
        if show:
            click.echo(_preview(row))
        text = f"{number}/{len(rows)}  {row['path']}  {row['label']}  {row['kind']}: {row['why']}"
        where = "  (test image)" if row["subset"] == tables.TEST else ""
        click.echo(terminal.plain(text + where))
        label = _asked(row, manifest, data_set)
        if label is None:
            break
        if label:
            act = annotations.on_files({row["sha256"]: label}, manifest)
            annotations.append(data_set, act, row["kind"], annotator)
            decided.add(row["sha256"])
    total = rows["sha256"].nunique()
    click.echo(f"annotate: {len(decided)} of {total} suspects decided; `dvc repro` applies it")


def _asked(row: dict[Any, Any], manifest: pd.DataFrame, data_set: str) -> str | None:
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
            label = annotations.check_class(manifest, label, data_set)
        except DataError as error:
            click.echo(f"error: {error}", err=True)
        else:
            return label
    decisions = {"c": row["label"], "s": row["suggested"], "e": annotations.EXCLUDE, "n": ""}
    return decisions.get(answer)


def _preview(row: dict[Any, Any]) -> str:
    try:
        frame = Frame(_PREVIEW, "pad", params.load(DeepLevels).pair)
        return terminal.picture(store.pixels(row["sha256"], Path(row["path"]), frame))
    except ImageRefused as error:
        return f"(no preview: {error.reason})"
