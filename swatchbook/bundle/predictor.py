"""A bundle at work: pixels to probabilities, in the arithmetic that its classifier was trained on.

The network runs in the fastest engine of this machine, the classifier always in float32.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

import numpy as np

from swatchbook.base import machine, onnx_runtime
from swatchbook.base.errors import NetworkError
from swatchbook.bundle.model_file import Bundle
from swatchbook.inference import engines
from swatchbook.project import models


@dataclass(frozen=True)
class Scored:
    """``probabilities (n, k) float32`` and ``features (n, d) float32`` of n images."""

    probabilities: np.ndarray
    features: np.ndarray


class Predictor:
    """A loaded bundle, safe to call from several threads.

    ``precision`` is ``auto`` (that of the training features where this machine has it, else
    float32), ``float32`` or ``bfloat16``; ``precision`` and ``engine`` say what is in use.

    Raises:
        NetworkError: where the engine or the precision can't be had here, or a part can't run.
    """

    def __init__(
        self, bundle: Bundle, precision: str, engine: str, batches: Collection[int], threads: int
    ) -> None:
        self.bundle = bundle
        if precision == "auto":
            precision = (
                bundle.precision if bundle.precision in engines.precisions(engine) else "float32"
            )
        try:
            self._network = engines.Network(
                bundle.network, bundle.metadata, precision, engine, batches, threads
            )
            self._classifier = models.Classifier(bundle.classifier)
        except NetworkError:
            raise
        except Exception as error:  # what the engines raise on a graph they can't run
            raise NetworkError(
                f"the model can't run here: {error}; `swatchbook doctor` says what is wrong"
            ) from None
        self.precision = self._network.precision
        self.engine = self._network.engine
        self.batch = self._network.batch
        self.frame = self._network.frame

    @classmethod
    def here(cls, bundle: Bundle, precision: str, batches: Collection[int] = ()) -> Self:
        """The bundle as this machine is set to run it."""
        sizes = batches or [machine.batch()]
        return cls(bundle, precision, machine.engine(), sizes, machine.workers())

    @property
    def labels(self) -> list[str]:
        """Names of the classes, in the order of the probabilities."""
        return self.bundle.labels

    @property
    def note(self) -> str:
        """What is to be said of an arithmetic that is not that of the training features."""
        trained = self.bundle.precision
        if self.precision == trained:
            return ""
        return (
            f"trained on features at {trained}, run here at {self.precision} ({self.engine}): some "
            "images get another class than was measured"
        )

    def __call__(self, pixels: np.ndarray) -> Scored:
        """Scores of up to ``batch`` images ``(n, r, r, 3) uint8``."""
        features = self._network.features(pixels)
        return Scored(self._classifier(features), features)


def bare(bundle: Bundle, pixels: np.ndarray) -> np.ndarray:
    """Probabilities ``(n, k) float32`` by plain ONNX Runtime, as anybody may run the file."""
    session = onnx_runtime.plain_session(bundle.content)
    found: np.ndarray = session.run(["probabilities"], {"images": pixels})[0]
    return found
