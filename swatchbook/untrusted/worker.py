"""The process that decodes: work comes in on standard input, what came of it goes out on standard
output, both pickled.

    python -m swatchbook.untrusted.worker

It ends when its standard input does, so it never outlives who started it by more than one piece of
work. What libraries in C print goes nowhere: a few hundred damaged TIFFs make as many lines.
"""

import contextlib
import math
import os
import pickle
import signal
import sys
import warnings
from collections.abc import Iterator
from typing import IO, Any

from swatchbook.untrusted.worker_process import READY, Begin


def main() -> None:
    """Do pieces of work until there are no more."""
    asked: IO[bytes] = sys.stdin.buffer
    with os.fdopen(os.dup(1), "wb") as answered:
        # what a library prints must not stand between the answers
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for file in (1, 2):
            os.dup2(nowhere, file)
        # Ctrl-C reaches the whole group: who started this decides what ends
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        warnings.simplefilter("ignore")
        begin: Begin = pickle.load(asked)
        _limit(begin)
        _send(answered, READY)
        with contextlib.suppress(EOFError):
            while True:
                data = pickle.load(asked)
                with _alarm(begin.seconds):
                    _send(answered, _answer(begin, data))


def _answer(begin: Begin, data: bytes) -> tuple[Any, Exception | None]:
    try:
        return begin.work(data, *begin.args), None
    except Exception as error:
        return None, error


def _send(file: IO[bytes], message: object) -> None:
    try:
        content = pickle.dumps(message)
    except Exception:
        # an error of a library that can't be sent is told in words
        content = pickle.dumps((None, RuntimeError(repr(message))))
    file.write(content)
    file.flush()


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    # for who hangs when the process that would end it is gone
    if not hasattr(signal, "alarm"):  # Windows
        yield
        return
    signal.alarm(math.ceil(seconds) + 5)
    yield
    signal.alarm(0)


def _limit(begin: Begin) -> None:
    if begin.niceness:
        os.nice(begin.niceness)
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    # macOS knows the limit but does not let it be set
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (begin.memory, begin.memory))


if __name__ == "__main__":
    main()
