"""The model that serves, and how another takes its place without a failed request."""

import os
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from swatchbook.base import machine
from swatchbook.base.errors import NetworkError, SwatchbookError
from swatchbook.bundle import golden, model_file
from swatchbook.bundle.predictor import Predictor
from swatchbook.images.frame import Frame
from swatchbook.prediction import neighbours
from swatchbook.prediction.decoder import Decoder
from swatchbook.prediction.neighbours import Neighbours
from swatchbook.server.telemetry import Telemetry
from swatchbook.service.scoring import Scorer, worthwhile

DECODE_SECONDS = 5.0
# whoever asks is to be heard, and refused at once where there is too much to do, whatever is
# being computed: that goes second
NICENESS = 5


@dataclass
class Deployed:
    """A model at work; ``users`` are the requests that it answers."""

    scorer: Scorer
    known: Neighbours | None
    users: int = 0

    @property
    def predictor(self) -> Predictor:
        """The model itself."""
        return self.scorer.predictor

    @property
    def name(self) -> str:
        """The name of its data set: what clients of the inference protocol call the model."""
        return self.predictor.bundle.metadata.get("data_set") or "model"

    @property
    def version(self) -> str:
        """The beginning of its digest."""
        return self.predictor.bundle.digest[:16]


class Deployment:
    """Loads models from one file. ``why_not`` says why the last one was refused, or none is."""

    def __init__(self, path: Path, precision: str, evidence: bool, telemetry: Telemetry) -> None:
        self._path = path
        self._precision = precision
        self._evidence = evidence
        self._telemetry = telemetry
        # a thread of its own: those that it starts, the engine's too, go second as well
        self._loader = ThreadPoolExecutor(1, "loader", _go_second)
        self._next: Future[Deployed] | None = None
        self._changing = threading.Lock()
        self._ends = False
        self._current: Deployed | None = None
        self._decoders: dict[Frame, Decoder] = {}
        self.why_not = "the first one is being loaded and checked"

    @property
    def current(self) -> Deployed | None:
        """The model that serves; None: none."""
        return self._current

    def load(self) -> "Future[Deployed]":
        """Load the file, run its golden images, and let it serve from then on.

        One at a time; whoever asks while one waits to begin gets the same. The future's exception
        is a SwatchbookError where the file is refused: what served before goes on.

        Raises:
            NetworkError: at the end of the service.
        """
        with self._changing:
            if self._ends:
                raise NetworkError(self.why_not)
            if self._next is None or self._next.running() or self._next.done():
                self._next = self._loader.submit(self._load)
            return self._next

    def taken(self) -> Deployed:
        """The model for one request, which must give it ``back``.

        Raises:
            NetworkError: where none serves.
        """
        with self._changing:
            if self._current is None:
                raise NetworkError(self.why_not)
            self._current.users += 1
            return self._current

    def back(self, used: Deployed) -> None:
        """End one use; a model that was replaced ends with its last one."""
        with self._changing:
            used.users -= 1
            is_last = used is not self._current and used.users == 0
        if is_last:
            # processes take their time to end
            threading.Thread(target=self._retire, args=[used], daemon=True).start()

    def close(self) -> None:
        """End all."""
        with self._changing:
            self._ends = True
            self.why_not = "the service is ending"
            old, self._current = self._current, None
        # one that is loading just now finds that it comes too late
        self._loader.shutdown(cancel_futures=True)
        if old is not None:
            old.scorer.close()
        for decoder in self._decoders.values():
            decoder.close()

    def _load(self) -> Deployed:
        try:
            fresh = self._read()
        except Exception as error:
            self.why_not = str(error) or type(error).__name__
            self._telemetry.reloaded("refused")
            if isinstance(error, SwatchbookError):
                raise
            # a file that ends the process which reads it, for one
            raise NetworkError(f"{self._path}: {self.why_not}") from None
        with self._changing:
            if self._ends:
                fresh.scorer.close()
                raise NetworkError(self.why_not)
            old, self._current = self._current, fresh
            is_idle = old is not None and old.users == 0
            self.why_not = ""
        self._telemetry.reloaded("loaded")
        if old is not None and is_idle:
            self._retire(old)
        return fresh

    def _retire(self, old: Deployed) -> None:
        old.scorer.close()
        with self._changing:
            current = self._current
            if current is None or current.scorer.decoder is old.scorer.decoder:
                return
            unused = [key for key, one in self._decoders.items() if one is old.scorer.decoder]
            for key in unused:
                del self._decoders[key]
        old.scorer.decoder.close()

    def _read(self) -> Deployed:
        found = model_file.read_apart(self._path, NICENESS)
        workers = machine.workers()
        sizes = [2**n for n in range(machine.batch().bit_length())]
        predictor = Predictor.here(found, self._precision, sizes)
        golden.check(golden.beside(self._path), predictor)
        known = neighbours.of_project(found) if self._evidence else None
        key = predictor.frame
        if key not in self._decoders:
            # kept: starting processes costs what the requests meanwhile lack
            self._decoders[key] = Decoder(workers, key, DECODE_SECONDS, NICENESS)
            self._decoders[key].warm()
        batch = worthwhile(sizes, lambda size: _seconds(predictor, size))
        scorer = Scorer(predictor, self._decoders[key], workers, batch, self._telemetry.batch)
        return Deployed(scorer, known)


def _seconds(predictor: Predictor, size: int) -> float:
    pixels = np.zeros((size, *predictor.frame.shape), np.uint8)
    began = time.perf_counter()
    predictor(pixels)
    return time.perf_counter() - began


def _go_second() -> None:
    if sys.platform == "linux":  # elsewhere priority is a matter of whole processes
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
