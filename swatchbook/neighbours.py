"""Evidence for an answer: the training images whose features are nearest to those of an image."""

from dataclasses import dataclass

import faiss
import numpy as np

from swatchbook import splitting, tables
from swatchbook.bundle import Bundle
from swatchbook.errors import DataError


@dataclass(frozen=True)
class Neighbour:
    """A training image: its digest, path and label, and the cosine ``similarity`` (1: alike)."""

    sha256: str
    path: str
    label: str
    similarity: float


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
    split = tables.SPLIT.read().set_index("sha256")
    train = split[split["subset"] == splitting.TRAIN]
    chosen = [number for number, sha256 in enumerate(known.sha256) if sha256 in train.index]
    found = train.loc[[known.sha256[number] for number in chosen]]
    rows = list(zip(found.index, found["path"], found["label"], strict=True))
    return Neighbours(known.vectors[chosen], rows)


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: np.ndarray = np.ascontiguousarray(vectors / np.maximum(lengths, 1e-12), np.float32)
    return unit
