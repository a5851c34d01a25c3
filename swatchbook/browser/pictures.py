"""Pictures for people: small ones kept in this machine's cache, larger ones made each time.

Every one comes through the one door, is decoded in a sandbox and encoded anew as a JPEG without
metadata: bytes of a source never reach a browser.
"""

import asyncio
import io
import json
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from swatchbook.base import caches, files
from swatchbook.base.cache import Cache
from swatchbook.images import decoding, store
from swatchbook.images.frame import Levels
from swatchbook.untrusted.sandbox import Sandbox

SIDES = (128, 256)
LARGE = 1600
# of each of two files; the older one goes when the newer one is full
MOST_BYTES = 2**30
_QUALITY = 80
_T = TypeVar("_T")


class Pictures:
    """Makes pictures in ``workers`` processes, the last one asked for first.

    For one event loop. ``levels`` are of images of more than 8 bits.
    """

    def __init__(self, levels: Levels | None, workers: int = 2) -> None:
        self._kind = f"{decoding.DOOR_VERSION} {json.dumps(levels)} {_QUALITY}"
        self._sandbox: Sandbox[bytes] = Sandbox(_encoded, (levels,), workers)
        # a connection to its files belongs to one thread
        self._keeper = ThreadPoolExecutor(1, "thumbnails")
        self._kept = self._keeper.submit(Kept).result()
        self._free = workers
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def get(
        self, sha256: str, path: str, side: int, is_gone: Callable[[], Awaitable[bool]]
    ) -> bytes | None:
        """A JPEG whose longer side is at most ``side``; None where ``is_gone`` said so first.

        Raises:
            ImageRefused: ``vanished``, ``changed``, or what the door says.
        """
        key = f"{sha256} {side} {self._kind}"
        is_small = side in SIDES
        if is_small and (found := await self._keep(self._kept.get, key)):
            return found
        await self._turn()
        try:
            if await is_gone():
                return None
            data = await asyncio.to_thread(store.content, sha256, Path(path))
            work = self._sandbox.submit(side.to_bytes(2, "big") + data)
            try:
                made = await asyncio.wrap_future(work)
            except Exception as error:
                raise self._sandbox.refusal(error) from None
            if is_small:
                await self._keep(self._kept.put, key, made)
            return made
        finally:
            self._next()

    def tag(self, sha256: str, side: int) -> str:
        """What is the same as long as the picture is (an ETag)."""
        return f'"{files.digest(f"{sha256} {side} {self._kind}".encode())[:24]}"'

    def close(self) -> None:
        """End the processes."""
        self._sandbox.close()
        self._keeper.submit(self._kept.close)
        self._keeper.shutdown()

    async def _keep(self, work: Callable[..., _T], *arguments: object) -> _T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._keeper, work, *arguments)

    async def _turn(self) -> None:
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._next()
            raise

    def _next(self) -> None:
        while self._waiting:
            # what was asked for last is what is looked at now
            turn = self._waiting.pop()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class Kept:
    """Small pictures by key, in at most twice ``most`` bytes; for one thread.

    Two files: what is found in the older one is copied to the newer one, and when that is full the
    older one is dropped. So what is not looked at any more goes, without a note of each look.
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._folder = caches.folder(caches.THUMBNAILS)
        self._open()

    def get(self, key: str) -> bytes | None:
        """The picture of ``key``, where it is known."""
        if found := self._newer.get([key]).get(key):
            return found
        found = self._older.get([key]).get(key)
        if found:
            self._newer.put({key: found})
        return found

    def put(self, key: str, picture: bytes) -> None:
        """Keep a picture."""
        self._newer.put({key: picture})
        if self._size() > self._most:
            self._turn_over()

    def close(self) -> None:
        """Close the files."""
        self._newer.close()
        self._older.close()

    def _open(self) -> None:
        self._newer, self._older = (Cache(self._folder / f"{n}.sqlite") for n in ("newer", "older"))

    def _size(self) -> int:
        path = self._folder / "newer.sqlite"
        return path.stat().st_size if path.exists() else 0

    def _turn_over(self) -> None:
        self.close()
        with files.locked(self._folder / "lock", "thumbnails are sorted", wait=True):
            # another process may have done it
            if self._size() > self._most:
                for end in ("", "-wal", "-shm"):
                    newer, older = (self._folder / f"{n}.sqlite{end}" for n in ("newer", "older"))
                    older.unlink(missing_ok=True)
                    if newer.exists():
                        newer.rename(older)
        self._open()


def _encoded(data: bytes, levels: Levels | None) -> bytes:
    """What a process of the sandbox does: two bytes of the side, then the image's."""
    image = decoding.picture(data[2:], int.from_bytes(data[:2], "big"), levels)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
