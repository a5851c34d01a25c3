"""A share of images by their digests: the same ones on any machine, in any order, any number of
times; and those of a smaller share are among those of a larger one."""

from collections.abc import Iterable

import numpy as np

from swatchbook.base import files


def chosen(digests: Iterable[str], share: float, seed: int) -> np.ndarray:
    """Which of the images (by SHA-256) belong to the ``share`` of them: ``(n,) bool``."""
    return np.array([share >= 1 or _place(digest, seed) < share for digest in digests], bool)


def _place(digest: str, seed: int) -> float:
    # the seed is mixed in by hashing: a digest's own bits would give every seed the same images
    return int(files.digest(f"{seed}|{digest}".encode())[:13], 16) / 16**13
