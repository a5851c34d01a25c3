"""Brave Search: the web; needs a key (``SWATCHBOOK_BRAVE_KEY``) and tells no licences.

https://api-dashboard.search.brave.com/api-reference/images/image_search
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel

from swatchbook.search.provider import Ask, Provider, Result, read

_MOST = 200


class _Properties(BaseModel):
    url: str


class _Image(BaseModel):
    properties: _Properties


class _Answer(BaseModel):
    results: list[_Image]


@dataclass(frozen=True)
class Brave(Provider):
    """See ``Provider``; ``key`` is in no text of it."""

    name = "brave"
    tells_licences = False

    key: str = field(repr=False)
    address: str = "https://api.search.brave.com/res/v1/images/search"
    delay: float = 1.0

    async def search(
        self, ask: Ask, query: str, most: int, licences: Sequence[str]
    ) -> list[Result]:
        """See ``Provider``. At most 200: the service has no pages."""
        wanted = {
            "q": query, "count": str(min(most, _MOST)), "safesearch": "strict",
            "spellcheck": "false",
        }  # fmt: skip
        headers = {"X-Subscription-Token": self.key}
        answer = read(_Answer, await ask(self.address, wanted, headers))
        return [Result(image.properties.url) for image in answer.results][:most]
