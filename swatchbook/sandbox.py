"""Examine untrusted images in expendable processes, so that a hostile file costs one process.

Each image has a limit of time and each process one of memory (the advice of Pillow's security
handbook). Used where bytes come in for the first time; what was accepted is trusted by digest.
"""

import contextlib
import multiprocessing
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import TimeoutError
from dataclasses import dataclass
from types import TracebackType

import pebble

from swatchbook import images, perceptual
from swatchbook.errors import ImageRefused

SECONDS = 20.0
MEMORY = 3 * 2**30
_WAITING_PER_WORKER = 4


@dataclass(frozen=True)
class Examined:
    """Facts of an accepted image, its difference hash in hexadecimal, and its bytes where it was
    reduced: facts and hash are of the smaller one then.
    """

    facts: images.Facts
    dhash: str
    smaller: bytes | None = None


class Sandbox:
    """A pool of processes that examine images; started at the first image.

    ``max_side``: images with a longer side are reduced to it; 0: none.
    """

    def __init__(
        self, workers: int, hash_size: int, max_side: int = 0, seconds: float = SECONDS
    ) -> None:
        self._workers = workers
        self._hash_size = hash_size
        self._max_side = max_side
        self._seconds = seconds
        self._pool: pebble.ProcessPool | None = None

    @property
    def settings(self) -> str:
        """What its verdict on an image depends on beside the image: caches key on it."""
        return f"{images.DOOR_VERSION}|{self._hash_size}|{self._max_side}"

    def examine(
        self, items: Iterable[tuple[int, bytes]]
    ) -> Iterator[tuple[int, Examined | ImageRefused]]:
        """Yield each item's number with what was found, in order; memory stays bounded."""
        waiting: deque[tuple[int, pebble.ProcessFuture]] = deque()
        for number, data in items:
            waiting.append((number, self._submit(data)))
            if len(waiting) >= self._workers * _WAITING_PER_WORKER:
                yield self._next(waiting)
        while waiting:
            yield self._next(waiting)

    def close(self) -> None:
        """End the processes at once."""
        if self._pool is not None:
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool.join()

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _submit(self, data: bytes) -> pebble.ProcessFuture:
        if self._pool is None:
            self._pool = pebble.ProcessPool(
                max_workers=self._workers,
                initializer=_limit_process,
                context=multiprocessing.get_context("spawn"),
            )
        task = [data, self._hash_size, self._max_side]
        return self._pool.schedule(_examine, args=task, timeout=self._seconds)

    def _next(
        self, waiting: deque[tuple[int, pebble.ProcessFuture]]
    ) -> tuple[int, Examined | ImageRefused]:
        number, future = waiting.popleft()
        try:
            return number, future.result()
        except ImageRefused as refused:
            return number, refused
        except TimeoutError:
            return number, ImageRefused("timeout", f"over {self._seconds:g} s")
        except (pebble.ProcessExpired, MemoryError) as error:
            return number, ImageRefused("decoder_crash", str(error))
        except Exception as error:
            # a parser that fails in a way nobody foresaw costs its image, not the run
            return number, ImageRefused("corrupt", f"{type(error).__name__}: {error}")


def _limit_process() -> None:
    warnings.simplefilter("ignore")
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    # macOS knows the limit but does not let it be set
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _examine(data: bytes, hash_size: int, max_side: int) -> Examined:
    facts, rgb = images.examine(data)
    smaller = None
    if max_side and max(rgb.size) > max_side:
        smaller = images.reduced(rgb, max_side)
        # what is stored is what is hashed
        facts, rgb = images.examine(smaller)
    return Examined(facts, perceptual.dhash(rgb, hash_size), smaller)
