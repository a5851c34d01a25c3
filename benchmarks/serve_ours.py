"""Our decoding and network, for servers of others; SWATCHBOOK_BENCHMARK_MODEL is the bundle."""

import os
from pathlib import Path

import numpy as np

from swatchbook.bundle import model_file
from swatchbook.bundle.predictor import Predictor
from swatchbook.images import decoding
from swatchbook.images.frame import Frame

BATCH = 8
_SIDE = 224


class Model:
    """The bundle on one thread: each of its processes has one."""

    def __init__(self) -> None:
        found = model_file.read(Path(os.environ["SWATCHBOOK_BENCHMARK_MODEL"]))
        self._predictor = Predictor(found, "auto", "auto", [1, 2, 4, BATCH], 1)

    def scores(self, pixels: list[np.ndarray]) -> list[list[float]]:
        """Probabilities of each."""
        found: list[list[float]] = self._predictor(np.stack(pixels)).probabilities.tolist()
        return found


def decoded(data: bytes) -> np.ndarray:
    """Pixels, with all checks of the service."""
    return decoding.decode(data, Frame(_SIDE, "pad"), examined=False)
