"""Scoring shards by a bundle: the same rows whatever machine, process or engine does it."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from swatchbook.acquisition.candidate import Candidate
from swatchbook.base import files
from swatchbook.base.errors import DataError, ImageRefused
from swatchbook.bundle.predictor import Predictor
from swatchbook.images import decoding
from swatchbook.prediction import predictions
from swatchbook.prediction.decoder import Decoder
from swatchbook.prediction.predictions import REFUSED, Prediction, Wishes
from swatchbook.project import tables
from swatchbook.shards import shard_file
from swatchbook.shards.chunks import Chunks
from swatchbook.shards.shard_file import PackedImage

WHAT = "scores"


def facts(predictor: Predictor, threshold: float, share: float, seed: int) -> dict[str, Any]:
    """What two runs must have in common to write to one folder."""
    return {
        "what": WHAT,
        "model": predictor.bundle.digest,
        "engine": predictor.engine,
        "precision": predictor.precision,
        "batch": predictor.batch,
        "door": decoding.DOOR_VERSION,
        "threshold": threshold,
        "sample_frac": share,
        "seed": seed if share < 1 else 0,
    }


def of_part(shards: int, number: int, parts: int) -> list[int]:
    """The shards that are part ``number`` (from 1) of ``parts`` equal ones."""
    return list(range(number - 1, shards, parts))


def score(
    folder: Path, shard: int, chunks: Chunks, predictor: Predictor, workers: int, decoder: Decoder
) -> pa.Table:
    """Scores of the images of a shard in ``folder``, in the manifest's order.

    Columns ``path, sha256, status, reason, predicted, confidence, p_<class>…, engine, precision``.

    Raises:
        DataError: where the shard is not the one that the manifest tells of.
    """
    wishes = Wishes(len(predictor.labels), chunks.facts["threshold"])
    candidates = (
        Candidate(image.path, "", "", "", partial(content, image))
        for image in images(folder, shard, chunks)
    )
    found = list(predictions.predictions(candidates, predictor, workers, wishes, decoder=decoder))
    return _table(found, list(chunks.wanted(shard)["sha256"]), predictor)


def images(folder: Path, shard: int, chunks: Chunks) -> Iterator[PackedImage]:
    """The images of a shard that are wanted, each held against the manifest.

    Raises:
        DataError: where the file of the shard is missing, damaged or of another pack.
    """
    listed = chunks.manifest.of_shards[shard]
    expected = list(zip(listed["path"], listed["sha256"], strict=True))
    wanted = set(chunks.wanted(shard)["path"])
    count = 0
    for image in shard_file.read(folder, shard):
        if count == len(expected) or (image.path, image.sha256) != expected[count]:
            raise _other(folder, shard)
        count += 1
        if image.path in wanted:
            yield image
    if count != len(expected):
        raise _other(folder, shard)


def _other(folder: Path, shard: int) -> DataError:
    return DataError(
        f"{folder / shard_file.name(shard)}: holds other images than the manifest says; take a "
        "whole copy of the folder, or `swatchbook pack` the images again"
    )


def content(image: PackedImage) -> bytes:
    """The bytes of an image. Raises ImageRefused (``changed``) where they are no longer its own."""
    if files.digest(image.content) != image.sha256:
        raise ImageRefused("changed")
    return image.content


def _table(rows: list[Prediction], digests: list[str], predictor: Predictor) -> pa.Table:
    # digests are those of the manifest, even of bytes that have changed since
    labels = predictor.labels
    scores = np.full((len(rows), len(labels)), np.nan, np.float32)
    place = {label: number for number, label in enumerate(labels)}
    for number, row in enumerate(rows):
        for label, probability in row.top:
            scores[number, place[label]] = probability
    refused = np.array([row.status == REFUSED for row in rows], bool)
    confidence = np.array([row.confidence for row in rows])
    texts = {
        "path": [row.path for row in rows], "sha256": digests,
        "status": [row.status for row in rows], "reason": [row.reason for row in rows],
        "predicted": [row.predicted for row in rows],
    }  # fmt: skip
    columns: dict[str, Any] = {
        # named, since of no rows nothing can be told
        **{name: pa.array(values, pa.string()) for name, values in texts.items()},
        # of a refused image there is none: a zero would count in a mean
        "confidence": pa.array(confidence, pa.float64(), mask=refused),
        **{
            name: pa.array(scores[:, number], pa.float32(), mask=refused)
            for number, name in enumerate(tables.probability_columns(labels))
        },
        "engine": pa.array([predictor.engine] * len(rows), pa.string()),
        "precision": pa.array([predictor.precision] * len(rows), pa.string()),
    }
    return pa.table(columns)
