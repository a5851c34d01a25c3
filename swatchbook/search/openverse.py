"""Openverse: openly licensed images of many collections; needs no key.

https://docs.openverse.org/api/reference/index.html: without registration one request a second,
20 results a page and 20 pages.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from swatchbook.search.provider import Ask, Provider, Result, read

_PAGE, _MOST_PAGES = 20, 20


class _Image(BaseModel):
    url: str
    license: str
    license_version: str | None = None
    creator: str | None = None


class _Answer(BaseModel):
    page_count: int
    results: list[_Image]


@dataclass(frozen=True)
class Openverse(Provider):
    """See ``Provider``."""

    name = "openverse"

    address: str = "https://api.openverse.org/v1/images/"
    delay: float = 1.0

    async def search(
        self, ask: Ask, query: str, most: int, licences: Sequence[str]
    ) -> list[Result]:
        """See ``Provider``."""
        found: list[Result] = []
        for page in range(1, _MOST_PAGES + 1):
            wanted = {"q": query, "page": str(page), "page_size": str(_PAGE)}
            if licences:
                wanted["license"] = ",".join(licences)
            answer = read(_Answer, await ask(self.address, wanted, {}))
            found += [
                Result(image.url, _licence(image), image.creator or "") for image in answer.results
            ]
            if not answer.results or page >= answer.page_count or len(found) >= most:
                break
        return found[:most]


def _licence(image: _Image) -> str:
    names = {"cc0": "CC0", "pdm": "Public Domain Mark"}
    name = names.get(image.license, f"CC {image.license.upper()}")
    return f"{name} {image.license_version or ''}".strip()
