"""Large work leaves the event loop to others; small work is done at once."""

import asyncio
import threading

from swatchbook.server.offload import LARGE, Offload


def test_only_what_is_large_goes_to_the_thread() -> None:
    offload = Offload()

    async def threads() -> list[str]:
        def name() -> str:
            return threading.current_thread().name

        return [await offload(name, size=LARGE), await offload(name, size=LARGE + 1)]

    here, there = asyncio.run(threads())
    assert here == threading.current_thread().name
    assert there.startswith("offload")
    offload.close()
