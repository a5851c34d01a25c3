"""Unlabelled images ranked by what their labels would teach the classifier."""

import sys

import click
import pandas as pd

from swatchbook.base import terminal, text
from swatchbook.prediction import new_images
from swatchbook.project import tables
from swatchbook.review import selection


def list_them(folder: str, count: int, criterion: str, seed: int) -> None:
    """Print the ``count`` images of ``folder`` most worth a label, as tab-separated text."""
    labelled = tables.read_features().vectors
    found = new_images.of_folder(folder)
    chances = found.probabilities
    chosen, scores = selection.select(criterion, chances, found.vectors, labelled, count, seed)
    table = pd.DataFrame(
        {
            "path": [text.escaped(new_images.name_of(found.paths[index])) for index in chosen],
            "predicted": [
                text.escaped(found.classes[best]) for best in chances[chosen].argmax(axis=1)
            ],
            "confidence": chances[chosen].max(axis=1),
            criterion: scores,
        }
    )
    table.to_csv(sys.stdout, sep="\t", index=False, float_format="%.4f", lineterminator="\n")
    for name, reason in sorted(found.left_out.items()):
        click.echo(f"next: left out: {terminal.plain(name)}: {reason}", err=True)
    click.echo(
        f"next: {len(table)} of {len(found.sha256)} new images by {criterion}; put each into the "
        "folder of its class, then `make update`; or label them in `swatchbook browse --from`",
        err=True,
    )
