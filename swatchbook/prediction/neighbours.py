"""Evidence for an answer: the training images whose features are nearest to those of an image."""

import faiss
import numpy as np

from swatchbook.base.errors import DataError
from swatchbook.bundle.model_file import Bundle
from swatchbook.prediction.predictions import Neighbour
from swatchbook.project import tables


class Neighbours:
    """The training images of a project, ready to be searched; safe for several threads."""

    def __init__(self, vectors: np.ndarray, rows: list[tuple[str, str, str]]) -> None:
        """``vectors (n, d) float32`` belong to ``rows`` of digest, path and label."""
        self._rows = rows
        self._index = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(_unit(vectors))

    def nearest(self, vectors: np.ndarray, count: int) -> list[list[Neighbour]]:
        """The ``count`` nearest of each of ``vectors (m, d) float32``, the nearest first."""
        similarities, numbers = self._index.search(_unit(vectors), min(count, len(self._rows)))
        return [
            [self._neighbour(*pair) for pair in zip(*of_one, strict=True)]
            for of_one in zip(numbers.tolist(), similarities.tolist(), strict=True)
        ]

    def _neighbour(self, number: int, similarity: float) -> Neighbour:
        sha256, path, label = self._rows[number]
        return Neighbour(sha256, path, label, round(similarity, 6))


def of_project(bundle: Bundle) -> Neighbours:
    """Those of the project in the current folder.

    Raises:
        DataError: where its features are missing, or are not those of this model.
    """
    known = tables.read_features()
    if known.origin.get("network") != bundle.metadata["network"]:
        raise DataError(
            f"{tables.FEATURES_PATH}: made by another network than the model's; "
            "`dvc repro` makes them agree"
        )
    split = tables.SPLIT.read()
    found, vectors = known.of(split[split["subset"] == tables.TRAIN])
    rows = list(zip(found["sha256"], found["path"], found["label"], strict=True))
    return Neighbours(vectors, rows)


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: np.ndarray = np.ascontiguousarray(vectors / np.maximum(lengths, 1e-12), np.float32)
    return unit
