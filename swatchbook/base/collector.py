"""Python's garbage collector, kept from work that is for nothing.

Importing makes some hundred thousand objects that all stay: looking through them again and again
takes a third of the time, and once more at the end of the process.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# of new objects; mypy does the same
_RARELY = 200_000
_USUAL = (700, 10, 10)


@contextmanager
def paused() -> Iterator[None]:
    """Collect nothing inside the block: for imports that take seconds."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def seldom() -> None:
    """Collect rarely, until ``as_usual``."""
    gc.set_threshold(_RARELY)


def as_usual() -> None:
    """Collect as Python does by itself."""
    gc.set_threshold(*_USUAL)


def done() -> None:
    """Collect nothing at the end of this process: the system takes its memory back at once."""
    gc.freeze()
