"""Work that takes long enough for others to notice, off the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

# bytes; less is done sooner than handed over
LARGE = 256 * 2**10

_T = TypeVar("_T")


class Offload:
    """One thread of an application: more would only take more memory."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "offload")

    async def __call__(self, function: Callable[..., _T], *arguments: Any, size: int) -> _T:
        """Call ``function``, in the thread where ``size``, in bytes, is large."""
        if size <= LARGE:
            return function(*arguments)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, function, *arguments)

    def close(self) -> None:
        """End the thread when its work is done."""
        self._pool.shutdown(wait=False, cancel_futures=True)
