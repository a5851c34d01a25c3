"""From a request's images to scores: within the limits, by the model of the moment."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from starlette.requests import ClientDisconnect, Request

from swatchbook.base.errors import ImageRefused, NetworkError
from swatchbook.server.admission import Admission
from swatchbook.server.offload import Offload
from swatchbook.server.problem import Problem
from swatchbook.service.collecting import Collector
from swatchbook.service.deployment import Deployed, Deployment
from swatchbook.service.scoring import Score

# after that no more images of a request are begun; with those at work it ends within the service's
# own time to end
REQUEST_SECONDS = 20.0
_LOST_SECONDS = 25.0


class Answering:
    """What all routes share."""

    def __init__(
        self, deployment: Deployment, admission: Admission, collector: Collector | None = None
    ) -> None:
        self._collector = collector
        self.deployment = deployment
        self.admission = admission
        self.offload = Offload()

    @contextmanager
    def model(self) -> Iterator[Deployed]:
        """The model of this request; it stays the same until the end of the request.

        Raises:
            Problem: 503 where none serves.
        """
        try:
            deployed = self.deployment.taken()
        except NetworkError as error:
            raise Problem(503, f"no model: {error}", {"Retry-After": "5"}) from None
        try:
            yield deployed
        finally:
            self.deployment.back(deployed)

    async def of_images(
        self, request: Request, deployed: Deployed, contents: Sequence[bytes]
    ) -> list[Score | ImageRefused]:
        """The score of each encoded image, or why it is refused.

        Raises:
            Full: where no image is let in now.
            ClientDisconnect: where the client has gone before all were begun.
        """
        scores = await self._each(request, deployed.scorer.of_image, contents)
        if self._collector:
            self._collector.see(deployed, contents, scores)
        return scores

    async def of_pixels(
        self, request: Request, deployed: Deployed, pixels: np.ndarray
    ) -> list[Score]:
        """The scores of pixels ``(n, r, r, 3) uint8``.

        Raises:
            Problem: 503 where there is no time for all.
            Full, ClientDisconnect: as ``of_images``.
        """
        found = await self._each(request, deployed.scorer.of_pixels, list(pixels))
        scores = [one for one in found if isinstance(one, Score)]
        if len(scores) < len(found):
            raise Problem(503, f"over {REQUEST_SECONDS:g} s; send fewer images at once")
        return scores

    async def _each(
        self,
        request: Request,
        score: Callable[..., "asyncio.Future[Score]"],
        items: Sequence[bytes | np.ndarray],
    ) -> list[Score | ImageRefused]:
        """Each item's score, a few at a time, so that a large request leaves room for others.

        What was begun is waited for even if the client has gone: until then its places are taken.
        """
        late = asyncio.get_running_loop().time() + REQUEST_SECONDS
        found: dict[int, Score | ImageRefused] = {}
        waiting = deque(enumerate(items))
        running: dict[asyncio.Future[Score], int] = {}
        failure: BaseException | None = None
        with self.admission.of_images() as places:
            while waiting or running:
                while waiting and (len(running) < places.count or places.grow()):
                    number, item = waiting.popleft()
                    running[score(item)] = number
                places.shrink(len(running))
                done, _ = await asyncio.wait(
                    running, timeout=_LOST_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                if not done:
                    # the decoder lost them with a process that died: it would never say so
                    refused = ImageRefused("decoder_crash", f"no answer in {_LOST_SECONDS:g} s")
                    for future, number in running.items():
                        future.cancel()
                        found[number] = refused
                    running.clear()
                for future in done:
                    number = running.pop(future)
                    error = future.exception()
                    if error is None:
                        found[number] = future.result()
                    elif isinstance(error, ImageRefused):
                        found[number] = error
                    else:
                        failure = failure or error
                if waiting and await request.is_disconnected():
                    failure = ClientDisconnect()
                if waiting and asyncio.get_running_loop().time() > late:
                    refused = ImageRefused("timeout", f"the request took {REQUEST_SECONDS:g} s")
                    found.update((number, refused) for number, _ in waiting)
                    waiting.clear()
                if failure:
                    waiting.clear()
        if failure:
            raise failure
        return [found[number] for number in range(len(items))]
