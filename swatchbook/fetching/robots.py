"""What sites ask of programs that visit them: robots.txt (RFC 9309) and X-Robots-Tag."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from protego import Protego
from yarl import URL

AGENT = "swatchbook"
MOST_BYTES = 512 * 1024
# an image that may not be indexed, or not be used to train a model
_FORBIDDING = {"noindex", "noimageindex", "noai", "noimageai", "none"}
_WITH_VALUE = {"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"}

# status and first bytes of an address
Fetch = Callable[[URL], Awaitable[tuple[int, bytes]]]


class Robots:
    """The rules of each site, fetched once."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._rules: dict[URL, asyncio.Task[Protego | None]] = {}

    async def allows(self, url: URL) -> bool:
        """Whether ``url`` may be fetched. An error of the fetch is that of the site."""
        rules = await self._of(url)
        return rules is not None and bool(rules.can_fetch(str(url), AGENT))

    async def delay(self, url: URL) -> float:
        """The seconds between requests that the site asks for; 0 where it doesn't say."""
        rules = await self._of(url)
        return float(rules.crawl_delay(AGENT) or 0) if rules else 0.0

    async def _of(self, url: URL) -> Protego | None:
        origin = url.origin()
        if origin not in self._rules:
            self._rules[origin] = asyncio.create_task(self._load(origin))
        try:
            # others wait for it too: the end of one request must not be the end of it
            return await asyncio.shield(self._rules[origin])
        except Exception:
            self._rules.pop(origin, None)  # another attempt asks anew
            raise

    async def _load(self, origin: URL) -> Protego | None:
        """The rules of a site, or None where it is out of order: then nothing is allowed."""
        status, content = await self._fetch(origin / "robots.txt")
        if status >= 500 or status == 429:
            return None  # RFC 9309: nothing is allowed until it says so
        text = content[:MOST_BYTES].decode("utf-8", "replace") if status == 200 else ""
        return Protego.parse(text)


def forbidden(tags: Iterable[str]) -> bool:
    """Whether an ``X-Robots-Tag`` keeps an image from being used here."""
    for tag in tags:
        name, colon, rest = tag.partition(":")
        name = name.strip().lower()
        if colon and name == AGENT:
            tag = rest
        elif colon and "," not in name and name not in _WITH_VALUE:
            continue  # for another program
        if any(word.strip().lower() in _FORBIDDING for word in tag.split(",")):
            return True
    return False
