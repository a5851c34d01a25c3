"""Images through one model: decoded in a sandbox, scored in batches as they come.

A batch is what waits when a thread is free (nothing waits for others to come), so that a lone
image is not delayed and many share a pass, where sharing one makes them cheaper.
"""

import asyncio
import statistics
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np

from swatchbook.base.errors import SandboxError
from swatchbook.bundle.predictor import Predictor
from swatchbook.prediction.decoder import Decoder

_WORTH = 0.9
_PAIRS = 5


def worthwhile(sizes: Sequence[int], seconds: Callable[[int], float]) -> int:
    """The size of batch up to which each next one of ``sizes`` makes an image 10 % cheaper.

    ``seconds`` measures one pass; two sizes in turn, for the machine may be slower for a while.
    Where a larger batch takes as much longer as it has more images (most networks on processors
    without AMX), each of them would only wait for all.
    """
    best, *larger = sizes
    for size in larger:
        pairs = [(seconds(best) / best, seconds(size) / size) for _ in range(_PAIRS)]
        if statistics.median(each / before for before, each in pairs) > _WORTH:
            break
        best = size
    return best


@dataclass(frozen=True)
class Score:
    """``probabilities (k,)`` and ``features (d,)`` float32 of one image."""

    probabilities: np.ndarray
    features: np.ndarray


@dataclass(frozen=True)
class _Waiting:
    pixels: np.ndarray
    loop: asyncio.AbstractEventLoop
    answer: "asyncio.Future[Score]"


class Scorer:
    """A predictor with its threads and its decoder; used from one event loop.

    ``batch`` images at most share a pass; ``on_batch`` is told how many did.
    """

    def __init__(
        self,
        predictor: Predictor,
        decoder: Decoder,
        threads: int,
        batch: int,
        on_batch: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.predictor = predictor
        self.decoder = decoder
        self.batch = batch
        self._on_batch = on_batch
        self._waiting: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._ends = False
        self._threads = [
            threading.Thread(target=self._work, name=f"scorer-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def of_image(self, data: bytes) -> "asyncio.Future[Score]":
        """The score of an encoded image.

        The future's exception is ImageRefused, or what ``decoder.refusal`` explains.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Score] = loop.create_future()

        def decoded(future: "Future[np.ndarray]") -> None:
            error = future.exception()
            if error is None:
                self._push(_Waiting(future.result(), loop, answer))
            else:
                loop.call_soon_threadsafe(_fail, answer, self._explained(error))

        self.decoder.submit(data).add_done_callback(decoded)
        return answer

    def of_pixels(self, pixels: np.ndarray) -> "asyncio.Future[Score]":
        """The score of pixels ``(r, r, 3) uint8``."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Score] = loop.create_future()
        self._push(_Waiting(pixels, loop, answer))
        return answer

    def close(self) -> None:
        """Answer what waits, then end the threads; the decoder is not closed."""
        with self._changed:
            self._ends = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _explained(self, error: BaseException) -> BaseException:
        if not isinstance(error, Exception):
            return error
        try:
            return self.decoder.refusal(error)
        except SandboxError as none:
            return none

    def _push(self, item: _Waiting) -> None:
        with self._changed:
            self._waiting.append(item)
            self._changed.notify()

    def _work(self) -> None:
        while batch := self._taken():
            try:
                scored = self.predictor(np.stack([item.pixels for item in batch]))
            except Exception as error:
                # an engine that fails costs these images an answer, not the thread
                for item in batch:
                    item.loop.call_soon_threadsafe(_fail, item.answer, error)
                continue
            self._on_batch(len(batch))
            for item, *row in zip(batch, scored.probabilities, scored.features, strict=True):
                item.loop.call_soon_threadsafe(_answer, item.answer, Score(*row))

    def _taken(self) -> list[_Waiting]:
        """The next batch; empty at the end. Whose client has gone is left out."""
        with self._changed:
            while True:
                batch: list[_Waiting] = []
                while self._waiting and len(batch) < self.batch:
                    item = self._waiting.popleft()
                    if not item.answer.done():
                        batch.append(item)
                if batch or self._ends:
                    return batch
                self._changed.wait()


def _answer(answer: "asyncio.Future[Score]", score: Score) -> None:
    if not answer.done():
        answer.set_result(score)


def _fail(answer: "asyncio.Future[Score]", error: BaseException) -> None:
    if not answer.done():
        answer.set_exception(error)
