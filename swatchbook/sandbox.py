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
    """Facts of an accepted image and its difference hash in hexadecimal."""

    facts: images.Facts
    dhash: str


class Sandbox:
    """A pool of processes that examine images; started at the first image."""

    def __init__(self, workers: int, hash_size: int, seconds: float = SECONDS) -> None:
        self._workers = workers
        self._hash_size = hash_size
        self._seconds = seconds
        self._pool: pebble.ProcessPool | None = None

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
        return self._pool.schedule(_examine, args=[data, self._hash_size], timeout=self._seconds)

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


def _examine(data: bytes, hash_size: int) -> Examined:
    facts, rgb = images.examine(data)
    return Examined(facts, perceptual.dhash(rgb, hash_size))
