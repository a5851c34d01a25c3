"""Images of a folder that the project doesn't have yet, with what its classifier says of them."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from swatchbook.acquisition.kinds.folder import listed
from swatchbook.base import files, machine, text
from swatchbook.base.errors import DataError, ImageRefused
from swatchbook.inference import features
from swatchbook.inference.engines import Network
from swatchbook.inference.parameters import Featurize
from swatchbook.project import models, params, tables
from swatchbook.project.shared_keys import HashSize
from swatchbook.untrusted.examination import Examiner


@dataclass(frozen=True)
class NewImages:
    """Of n new images their ``sha256`` (of the files) and ``paths``, ``vectors (n, d) float32`` and
    ``probabilities (n, k) float32`` of ``classes``; and by name why others are ``left_out``."""

    sha256: list[str]
    paths: list[Path]
    vectors: np.ndarray
    probabilities: np.ndarray
    classes: list[str]
    left_out: dict[str, str]


def of_folder(folder: str) -> NewImages:
    """Those of ``folder``, at any depth.

    Raises:
        DataError: where there is none, or the project has no classifier yet.
        NetworkError: where the models can't run here, or don't agree.
    """
    content, facts = models.load(models.CLASSIFIER, {"labels", "network"})
    network = Network.here(models.NETWORK, params.load(Featurize).precision)
    if network.digest != facts["network"]:
        raise DataError(f"{models.CLASSIFIER}: made for another network; `dvc repro` makes it anew")
    manifest = tables.MANIFEST.read()
    known = {*manifest["sha256"], *manifest["file_sha256"]}
    paths, refused = _unknown(folder, known, params.load(HashSize).hash_size)
    if not paths:
        raise DataError(
            f"next: no new image in {folder!r}: {len(refused)} can't be used, the others are in "
            "data/manifest.csv; name a folder with others"
        )
    with features.cache_of(network.digest) as cache:
        found = features.featurize(paths, network, cache, machine.workers())
    unreadable = {name_of(paths[sha256]): why for sha256, why in found.unreadable.items()}
    return NewImages(
        found.sha256, [paths[sha256] for sha256 in found.sha256], found.vectors,
        models.probabilities(content, found.vectors), json.loads(facts["labels"]),
        {**refused, **unreadable},
    )  # fmt: skip


def name_of(path: Path) -> str:
    """A path as text, whatever its bytes."""
    return text.as_text(os.fsencode(path))


def _unknown(
    folder: str, known: set[str], hash_size: int
) -> tuple[dict[str, Path], dict[str, str]]:
    """By digest the images that are not ``known``, and what can't be used."""
    seen: dict[int, tuple[str, Path]] = {}
    refused: dict[str, str] = {}

    def unseen() -> Iterator[tuple[int, bytes]]:
        for number, (path, item) in enumerate(listed(folder)):
            try:
                # that it stands in no class folder is what this is about
                labelled = replace(item, reason=item.reason.removeprefix("no_class"))
                data = labelled.content()
            except ImageRefused as error:
                refused[name_of(path)] = error.reason
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
                refused[name_of(path)] = verdict.reason
            else:
                found.setdefault(sha256, path)
    return found, refused
