"""What sites ask of programs."""

import asyncio

import pytest
from yarl import URL

from swatchbook.fetching.robots import MOST_BYTES, Robots, forbidden

RULES = b"""
User-agent: other
Disallow: /

User-agent: *
Disallow: /private
Crawl-delay: 3
"""


def ask(status: int, content: bytes, *paths: str) -> tuple[list[bool], float, int]:
    asked = []

    async def fetch(url: URL) -> tuple[int, bytes]:
        asked.append(str(url))
        await asyncio.sleep(0)
        return status, content

    async def all_of_them() -> tuple[list[bool], float]:
        robots = Robots(fetch)
        urls = [URL("http://example.org:81") / path for path in paths]
        found = await asyncio.gather(*(robots.allows(url) for url in urls))
        return list(found), await robots.delay(urls[0])

    found, delay = asyncio.run(all_of_them())
    assert set(asked) == {"http://example.org:81/robots.txt"}
    return found, delay, len(asked)


def test_rules_are_fetched_once_a_site_and_heeded() -> None:
    assert ask(200, RULES, "a.jpg", "private/b.jpg") == ([True, False], 3.0, 1)


@pytest.mark.parametrize(
    ("status", "allowed"), [(404, True), (403, True), (503, False), (429, False)]
)
def test_no_rules_allow_all_and_a_site_out_of_order_nothing(
    status: int, allowed: bool
) -> None:  # C17
    assert ask(status, b"", "a.jpg")[0] == [allowed]


def test_rules_are_read_up_to_a_length() -> None:
    assert ask(200, b"#" * MOST_BYTES + b"\nUser-agent: *\nDisallow: /", "a.jpg")[0] == [True]


def test_an_error_is_that_of_the_site_and_another_attempt_asks_anew() -> None:
    asked = []

    async def fetch(url: URL) -> tuple[int, bytes]:
        asked.append(url)
        if len(asked) == 1:
            raise ConnectionError
        return 404, b""

    async def twice() -> bool:
        robots = Robots(fetch)
        with pytest.raises(ConnectionError):
            await robots.allows(URL("http://example.org/a"))
        return await robots.allows(URL("http://example.org/a"))

    assert asyncio.run(twice())


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([], False), (["all"], False), (["noindex"], True), (["nofollow, NoAI"], True),
        (["noimageai"], True), (["otherbot: noindex"], False), (["swatchbook: noindex"], True),
        (["unavailable_after: 25 Jun 2010 15:00:00 PST"], False), (["a", "none"], True),
        (["noindex, unavailable_after: 25 Jun 2010 15:00:00 PST"], True),
    ],
)  # fmt: skip
def test_a_tag_that_forbids(tags: list[str], expected: bool) -> None:
    assert forbidden(tags) == expected
