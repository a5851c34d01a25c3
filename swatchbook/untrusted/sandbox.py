"""Work on untrusted bytes in expendable processes, so that a hostile file costs one process.

Each piece of work has a limit of time and each process one of memory (the advice of Pillow's
security handbook). Used wherever bytes come in for the first time.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from swatchbook.base.errors import ImageRefused, SandboxError
from swatchbook.untrusted.worker_process import Begin, WorkerEnded, WorkerProcess

SECONDS = 20.0
MEMORY = 3 * 2**30
_WAITING_PER_WORKER = 4
# processes in a row that end before their first piece of work: another would end as well
_FAILED_STARTS = 3

_Key = TypeVar("_Key")
_Result = TypeVar("_Result")


class Sandbox(Generic[_Result]):
    """So many threads, each with a process that does ``work(data, *args)``.

    ``work`` and ``args`` are pickled: a function of a module. ``seconds`` is the limit of one
    piece; ``niceness`` lets other processes go first. A process is started when there is work
    for it, and again when it has ended.
    """

    def __init__(
        self,
        work: Callable[..., _Result],
        args: tuple[Any, ...],
        workers: int,
        seconds: float = SECONDS,
        niceness: int = 0,
    ) -> None:
        self._begin = Begin(work, args, seconds, MEMORY, niceness)
        self._workers = workers
        self._executor = ThreadPoolExecutor(workers, "sandbox")
        self._own = threading.local()
        self._processes: set[WorkerProcess] = set()
        self._changing = threading.Lock()
        self._failed_starts = 0
        self._why = ""
        self._closed = False

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
        return self._executor.submit(self._done, data)

    def warm(self) -> None:
        """Start all processes now, so that no later work waits for that."""
        together = threading.Barrier(self._workers)

        def start() -> None:
            self._process()
            together.wait()  # so that each thread takes one

        for future in [self._executor.submit(start) for _ in range(self._workers)]:
            if error := future.exception():
                together.abort()
                raise error

    def refusal(self, error: Exception) -> ImageRefused:
        """Why an image is refused whose work ended with ``error``.

        Raises:
            SandboxError: it isn't the image's fault: no process can be started.
        """
        if isinstance(error, SandboxError):
            raise error
        if isinstance(error, ImageRefused):
            return error
        if isinstance(error, TimeoutError):
            return ImageRefused("timeout", str(error))
        if isinstance(error, WorkerEnded | MemoryError):
            return ImageRefused("decoder_crash", str(error))
        # a parser that fails in a way nobody foresaw costs its image, not the run
        return ImageRefused("corrupt", f"{type(error).__name__}: {error}")

    def close(self) -> None:
        """End the processes at once; work that waits is cancelled."""
        with self._changing:
            self._closed = True
            for process in self._processes:
                process.kill()
        self._executor.shutdown(cancel_futures=True)
        for process in self._processes:
            process.end()
        self._processes.clear()

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

    def _done(self, data: bytes) -> _Result:
        try:
            return self._once(data)
        except WorkerEnded:
            if self._closed:
                raise
            # the system may have ended it for want of memory: that is seldom the image's fault
            return self._once(data)

    def _once(self, data: bytes) -> _Result:
        process = self._process()
        try:
            result: _Result = process.do(data)
            return result
        finally:
            if not process.alive:
                self._dropped()

    def _process(self) -> WorkerProcess:
        """This thread's own, ready to work."""
        process: WorkerProcess | None = getattr(self._own, "process", None)
        # one may be ended while it has nothing to do
        if process is not None and not process.alive:
            self._dropped()
            process = None
        while process is None:
            process = self._started()
        return process

    def _started(self) -> WorkerProcess | None:
        with self._changing:
            if self._closed:
                raise WorkerEnded("closed")
            if self._failed_starts >= _FAILED_STARTS:
                raise SandboxError(
                    f"the processes that decode images end as they start ({self._why}); "
                    "`python -m swatchbook.untrusted.worker` shows why"
                )
            process = self._own.process = WorkerProcess(self._begin)
            self._processes.add(process)
        try:
            process.ready()
        except WorkerEnded as error:
            self._dropped()
            self._why = str(error)
            self._failed_starts += 1
            return None
        self._failed_starts = 0
        return process

    def _dropped(self) -> None:
        process: WorkerProcess = self._own.process
        self._own.process = None
        with self._changing:
            self._processes.discard(process)
        process.end()
