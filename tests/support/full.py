"""What `make test` tries of many alike, and `make test-full` tries all of."""

import os
from collections.abc import Sequence
from typing import TypeVar

FULL = bool(os.environ.get("SWATCHBOOK_FULL"))

_T = TypeVar("_T")


def some_of(always: Sequence[_T], in_full: Sequence[_T]) -> list[_T]:
    """``always``, and with SWATCHBOOK_FULL=1 those beside them too."""
    return [*always, *(in_full if FULL else [])]
