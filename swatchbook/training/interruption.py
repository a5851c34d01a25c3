"""Signals that ask a training run to stop."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def told_by_signals(stopping: threading.Event) -> Iterator[None]:
    """Set ``stopping`` on SIGINT or SIGTERM, until the end of the block.

    A second one raises KeyboardInterrupt at once. Only the main thread can be told.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        if stopping.is_set():
            raise KeyboardInterrupt  # asked twice: at once, without a checkpoint
        stopping.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
