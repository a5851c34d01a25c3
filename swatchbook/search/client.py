"""Requests to a search service: spaced, tried again, bounded, and failing with a reason."""

import asyncio
import contextlib
import json
import math
import random
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp

from swatchbook.fetching.rate_limit import Pace, retry_after
from swatchbook.search.provider import Ask, SearchError

_MOST_BYTES = 10 * 2**20
_SECONDS = 30.0
_ATTEMPTS, _BACKOFF = 3, 1.0
_LONGEST_WAIT = 60.0


@contextlib.asynccontextmanager
async def asking(agent: str, delay: float) -> AsyncIterator[Ask]:
    """What asks one service, ``delay`` seconds between the starts of requests.

    The service's address is this program's own, so it is not checked as those of images are,
    and proxies are heeded. It keeps no cookies and follows no redirects: a key might go along.
    """
    pace = Pace(delay)
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": agent, "Accept": "application/json"},
        timeout=aiohttp.ClientTimeout(total=_SECONDS),
        trust_env=True,
    ) as session:

        async def ask(
            address: str, parameters: Mapping[str, str], headers: Mapping[str, str]
        ) -> Any:
            for attempt in range(_ATTEMPTS):
                await pace.turn("")
                try:
                    return await _answer(session, address, parameters, headers)
                except _Transient as error:
                    wait = max(error.wait, _BACKOFF * 2**attempt * random.uniform(0.5, 1.5))
                    if attempt + 1 == _ATTEMPTS or wait > _LONGEST_WAIT:
                        raise SearchError(error.reason, error.detail) from None
                await asyncio.sleep(wait)
            raise AssertionError("the last attempt has raised or returned")

        yield ask


class _Transient(Exception):
    """A failure that another attempt may cure, ``wait`` seconds later."""

    def __init__(self, reason: str, detail: str, wait: float = 0.0) -> None:
        super().__init__(reason, detail)
        self.reason, self.detail, self.wait = reason, detail, wait


async def _answer(
    session: aiohttp.ClientSession,
    address: str,
    parameters: Mapping[str, str],
    headers: Mapping[str, str],
) -> Any:
    try:
        async with session.get(
            address, params=parameters, headers=headers, allow_redirects=False
        ) as answer:
            status, said = answer.status, f"status {answer.status}"
            if status == 429:
                header = answer.headers.get("Retry-After")
                raise _Transient("search_quota", said, retry_after(header, math.inf))
            if status in (408, 425) or status >= 500:
                raise _Transient("search_failed", said)
            if status != 200:
                raise SearchError("search_refused", said)
            content = b""
            async for piece in answer.content.iter_chunked(2**16):
                content += piece
                if len(content) > _MOST_BYTES:
                    raise SearchError("search_answer", f"over {_MOST_BYTES >> 20} MiB")
    except (aiohttp.ClientError, TimeoutError) as error:
        # its text may hold the address with all parameters
        raise _Transient("search_failed", type(error).__name__) from None
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise SearchError("search_answer", "no JSON") from None
