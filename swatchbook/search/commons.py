"""Wikimedia Commons; needs no key, but asks who you are (``SWATCHBOOK_CONTACT``).

https://www.mediawiki.org/wiki/API:Search and https://www.mediawiki.org/wiki/API:Imageinfo;
https://foundation.wikimedia.org/wiki/Policy:Wikimedia_Foundation_User-Agent_Policy
"""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, Field

from swatchbook.search.provider import Ask, Provider, Result, SearchError, read

# originals have up to a gigabyte: a network sees a few hundred pixels a side
_WIDTH = 1280
_PAGE, _MOST_PAGES = 50, 20
_TAG = re.compile(r"<[^<>]*>")


class _Text(BaseModel):
    value: str = ""


class _Info(BaseModel):
    url: str = ""  # none of a file that was hidden since
    thumburl: str = ""
    extmetadata: dict[str, _Text] = Field(default_factory=dict)


class _Page(BaseModel):
    index: int
    imageinfo: list[_Info] = Field(default_factory=list)


class _Query(BaseModel):
    pages: list[_Page]


class _Answer(BaseModel):
    query: _Query | None = None
    carry_on: dict[str, str | int] = Field(default_factory=dict, alias="continue")


class _Failure(BaseModel):
    code: str
    info: str = ""


class _Failed(BaseModel):
    error: _Failure


@dataclass(frozen=True)
class Commons(Provider):
    """See ``Provider``."""

    name = "commons"

    address: str = "https://commons.wikimedia.org/w/api.php"
    delay: float = 0.5

    async def search(
        self, ask: Ask, query: str, most: int, licences: Sequence[str]
    ) -> list[Result]:
        """See ``Provider``. Pictures wider than 1,280 pixels are taken at that width."""
        wanted = {
            "action": "query", "format": "json", "formatversion": "2", "generator": "search",
            "gsrsearch": f"{query} filetype:bitmap", "gsrnamespace": "6",
            "gsrlimit": str(min(most, _PAGE)), "prop": "imageinfo", "iiprop": "url|extmetadata",
            "iiurlwidth": str(_WIDTH), "iiextmetadatafilter": "LicenseShortName|Artist",
        }  # fmt: skip
        found: dict[int, Result] = {}
        carry_on: Mapping[str, str | int] = {}
        for _ in range(_MOST_PAGES):
            now = wanted | {name: str(value) for name, value in carry_on.items()}
            answer = _read(await ask(self.address, now, {}))
            for page in answer.query.pages if answer.query else []:
                # a page may come again with what did not fit the first time
                if page.imageinfo and page.imageinfo[0].url:
                    found[page.index] = _result(page.imageinfo[0])
            carry_on = answer.carry_on
            if not carry_on or len(found) >= most:
                break
        return [found[index] for index in sorted(found)][:most]


def _read(answer: object) -> _Answer:
    # errors come with status 200: https://www.mediawiki.org/wiki/API:Errors_and_warnings
    if isinstance(answer, dict) and "error" in answer:
        failure = read(_Failed, answer).error
        reason = "search_quota" if failure.code in ("ratelimited", "maxlag") else "search_refused"
        raise SearchError(reason, f"{failure.code}: {failure.info}")
    known = read(_Answer, answer)
    if known.query is None and not (isinstance(answer, dict) and "batchcomplete" in answer):
        raise SearchError("search_answer", "neither query nor batchcomplete")
    return known


def _result(info: _Info) -> Result:
    def text(name: str) -> str:
        # the metadata of Commons are HTML
        words = html.unescape(_TAG.sub("", info.extmetadata.get(name, _Text()).value))
        return " ".join(words.split())

    return Result(info.thumburl or info.url, text("LicenseShortName"), text("Artist"))
