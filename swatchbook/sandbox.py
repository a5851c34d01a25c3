"""Work on untrusted bytes in expendable processes, so that a hostile file costs one process.

Each piece of work has a limit of time and each process one of memory (the advice of Pillow's
security handbook). Used wherever bytes come in for the first time.
"""

import contextlib
import multiprocessing
import os
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future, TimeoutError
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import pebble

from swatchbook.errors import ImageRefused

SECONDS = 20.0
MEMORY = 3 * 2**30
_WAITING_PER_WORKER = 4

_Key = TypeVar("_Key")
_Result = TypeVar("_Result")


class Sandbox(Generic[_Result]):
    """A pool of processes that do ``work(data, *args)``; started at the first piece of work.

    ``args`` are the same for all; ``seconds`` is the limit of one piece; ``niceness`` lets other
    processes go first.
    """

    def __init__(
        self,
        work: Callable[..., _Result],
        args: tuple[Any, ...],
        workers: int,
        seconds: float = SECONDS,
        niceness: int = 0,
    ) -> None:
        self._niceness = niceness
        self._work = work
        self._args = args
        self._workers = workers
        self._seconds = seconds
        self._pool: pebble.ProcessPool | None = None
        self._starting = threading.Lock()

    def each(
        self, items: Iterable[tuple[_Key, bytes]]
    ) -> Iterator[tuple[_Key, _Result | ImageRefused]]:
        """Yield each item's key with what came of it, in order; memory stays bounded."""
        waiting: deque[tuple[_Key, Future[_Result]]] = deque()
        for key, data in items:
            waiting.append((key, self.submit(data)))
            if len(waiting) >= self._workers * _WAITING_PER_WORKER:
                yield self._next(waiting)
        while waiting:
            yield self._next(waiting)

    def submit(self, data: bytes) -> "Future[_Result]":
        """Begin the work on ``data``; ``refusal`` explains the errors that it may end with."""
        with self._starting:
            if self._pool is None or not self._pool.active:
                # the system may end an idle process, for want of memory: pebble gives up then
                if self._pool is not None:
                    self._pool.stop()  # type: ignore[no-untyped-call]
                self._pool = pebble.ProcessPool(
                    max_workers=self._workers,
                    initializer=_limit_process,
                    initargs=[self._niceness],
                    context=multiprocessing.get_context("spawn"),
                )
            future: Future[_Result] = self._pool.schedule(
                self._work, args=[data, *self._args], timeout=self._seconds
            )
        return future

    def warm(self) -> None:
        """Start all processes now, so that no later work waits for that."""
        for future in [self.submit(b"") for _ in range(self._workers)]:
            future.exception()

    def refusal(self, error: Exception) -> ImageRefused:
        """Why an image is refused whose work ended with ``error``."""
        if isinstance(error, ImageRefused):
            return error
        if isinstance(error, TimeoutError):
            return ImageRefused("timeout", f"over {self._seconds:g} s")
        if isinstance(error, pebble.ProcessExpired | BrokenExecutor | MemoryError):
            return ImageRefused("decoder_crash", str(error))
        # a parser that fails in a way nobody foresaw costs its image, not the run
        return ImageRefused("corrupt", f"{type(error).__name__}: {error}")

    def close(self) -> None:
        """End the processes at once."""
        if self._pool is not None:
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _next(
        self, waiting: "deque[tuple[_Key, Future[_Result]]]"
    ) -> tuple[_Key, _Result | ImageRefused]:
        key, future = waiting.popleft()
        try:
            return key, future.result()
        except Exception as error:
            return key, self.refusal(error)


def _limit_process(niceness: int) -> None:
    warnings.simplefilter("ignore")
    if niceness:
        os.nice(niceness)
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    # macOS knows the limit but does not let it be set
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
