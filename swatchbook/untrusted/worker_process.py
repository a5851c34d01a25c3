"""A handle on one expendable process: start it, give it work, end it.

It shares nothing with its siblings, no lock and no queue: one that is killed, at whatever moment,
leaves the others as they are. It is a program of its own rather than a copy of the one that
starts it, so a script that uses Swatchbook needs no ``if __name__ == "__main__"``.
"""

import contextlib
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

READY = "ready"
# importing, on a machine that is busy with other things
_START_SECONDS = 120.0


class WorkerEnded(Exception):
    """The process ended, by itself or by the system, with its work undone."""


@dataclass(frozen=True)
class Begin:
    """What a process does: ``work(data, *args)``, each in ``seconds``, in ``memory`` bytes."""

    work: Callable[..., Any]
    args: tuple[Any, ...]
    seconds: float
    memory: int
    niceness: int


class WorkerProcess:
    """A process that does one piece of work after another; for one thread at a time."""

    def __init__(self, begin: Begin) -> None:
        """Start it. ``ready`` waits until it can work."""
        # that of this process, whatever put it together
        path = os.pathsep.join(folder or os.getcwd() for folder in sys.path)  # noqa: PTH109
        self._begin = begin
        self._process = subprocess.Popen(
            [sys.executable, "-m", "swatchbook.untrusted.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
        )  # fmt: skip
        self._late = False

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def ready(self) -> None:
        """Wait until it can work. Raises WorkerEnded where it ends before that."""
        try:
            if self._exchange(self._begin, _START_SECONDS) == READY:
                return
        except TimeoutError:
            pass
        raise WorkerEnded(self._cause())

    def do(self, data: bytes) -> Any:
        """What comes of a piece of work; raises what it raises.

        Raises:
            TimeoutError: it takes too long; the process is ended.
            WorkerEnded: the process is.
        """
        result, error = self._exchange(data, self._begin.seconds)
        if error is not None:
            raise error
        return result

    def kill(self) -> None:
        """End it at once; from any thread."""
        self._process.kill()

    def end(self) -> None:
        """End it and give back what it holds of this process."""
        self.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe
            with contextlib.suppress(OSError):  # what it didn't read can't be written any more
                pipe.close()

    def _exchange(self, message: object, seconds: float) -> Any:
        asked, answered = self._process.stdin, self._process.stdout
        assert asked
        assert answered
        timer = threading.Timer(seconds, self._overdue)
        timer.start()
        try:
            pickle.dump(message, asked)
            asked.flush()
            return pickle.load(answered)
        except (OSError, EOFError, pickle.UnpicklingError):
            self.kill()
            if self._late:
                raise TimeoutError(f"over {seconds:g} s") from None
            raise WorkerEnded(self._cause()) from None
        finally:
            timer.cancel()

    def _overdue(self) -> None:
        self._late = True
        self.kill()

    def _cause(self) -> str:
        code = self._process.wait()
        return f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
