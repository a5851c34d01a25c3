"""Unlabelled images ranked by what their labels would teach the classifier."""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import pandas as pd

from swatchbook.acquisition.kinds.folder import listed
from swatchbook.base import files, machine, terminal, text
from swatchbook.base.errors import DataError, ImageRefused
from swatchbook.inference import features
from swatchbook.inference.engines import Network
from swatchbook.inference.parameters import Featurize
from swatchbook.project import models, params, tables
from swatchbook.project.shared_keys import HashSize
from swatchbook.review import selection
from swatchbook.untrusted.examination import Examiner


def list_them(folder: str, count: int, criterion: str, seed: int) -> None:
    """Print the ``count`` images of ``folder`` most worth a label, as tab-separated text."""
    known = tables.read_features()
    content, facts = models.load(models.CLASSIFIER, {"labels", "network"})
    network = Network.here(models.NETWORK, params.load(Featurize).precision)
    if network.digest != facts["network"]:
        raise DataError(f"{models.CLASSIFIER}: made for another network; `dvc repro` makes it anew")
    manifest = tables.MANIFEST.read()
    known_images = {*manifest["sha256"], *manifest["file_sha256"]}
    paths, refused = _new_images(folder, known_images, params.load(HashSize).hash_size)
    if not paths:
        raise DataError(
            f"next: no new image in {folder!r}: {len(refused)} can't be used, the others are in "
            "data/manifest.csv; name a folder with others"
        )
    with features.cache_of(network.digest) as cache:
        found = features.featurize(paths, network, cache, machine.workers())
    chances = models.probabilities(content, found.vectors)
    chosen, scores = selection.select(criterion, chances, found.vectors, known.vectors, count, seed)
    classes: list[str] = json.loads(facts["labels"])
    table = pd.DataFrame(
        {
            "path": [text.escaped(_name(paths[found.sha256[index]])) for index in chosen],
            "predicted": [text.escaped(classes[best]) for best in chances[chosen].argmax(axis=1)],
            "confidence": chances[chosen].max(axis=1),
            criterion: scores,
        }
    )
    table.to_csv(sys.stdout, sep="\t", index=False, float_format="%.4f", lineterminator="\n")
    for name, reason in sorted({**refused, **_named(found.unreadable, paths)}.items()):
        click.echo(f"next: left out: {terminal.plain(name)}: {reason}", err=True)
    click.echo(
        f"next: {len(table)} of {len(found.sha256)} new images by {criterion}; put each into the "
        "folder of its class, then `make update`",
        err=True,
    )


def _new_images(
    folder: str, known: set[str], hash_size: int
) -> tuple[dict[str, Path], dict[str, str]]:
    """The images of a folder that the project doesn't have, by digest, and what can't be used."""
    seen: dict[int, tuple[str, Path]] = {}
    refused: dict[str, str] = {}

    def unseen() -> Iterator[tuple[int, bytes]]:
        for number, (path, item) in enumerate(listed(folder)):
            try:
                # that it stands in no class folder is what this is about
                labelled = replace(item, reason=item.reason.removeprefix("no_class"))
                data = labelled.content()
            except ImageRefused as error:
                refused[_name(path)] = error.reason
                continue
            sha256 = files.digest(data)
            if sha256 not in known:
                seen[number] = sha256, path
                yield number, data

    found: dict[str, Path] = {}
    with Examiner(machine.workers(), hash_size) as examiner:
        for number, verdict in examiner.examine(unseen()):
            sha256, path = seen.pop(number)
            if isinstance(verdict, ImageRefused):
                refused[_name(path)] = verdict.reason
            else:
                found.setdefault(sha256, path)
    return found, refused


def _named(unreadable: dict[str, str], paths: dict[str, Path]) -> dict[str, str]:
    return {_name(paths[sha256]): reason for sha256, reason in unreadable.items()}


def _name(path: Path) -> str:
    return text.as_text(os.fsencode(path))
