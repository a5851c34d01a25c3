"""Brave Search, answering as https://api-dashboard.search.brave.com documents it."""

import asyncio
from contextlib import closing
from typing import Any

import pytest
from support.search_server import SearchServer, told

from swatchbook import search
from swatchbook.base.errors import ParamsError
from swatchbook.search import client
from swatchbook.search.brave import Brave
from swatchbook.search.provider import Result, SearchError

KEY = "BSAsecret"


def answer(count: int) -> dict[str, Any]:
    return {
        "type": "images",
        "query": {"original": "striped shirt", "spellcheck_off": True},
        "results": [
            {
                "type": "image_result", "title": "Shirt", "url": f"https://shop.example/{number}",
                "source": "shop.example", "page_fetched": "2025-09-14T10:21:02Z",
                "thumbnail": {"src": "https://imgs.search.brave.com/x", "width": 500},
                "properties": {"url": f"https://shop.example/{number}.jpg", "placeholder": "x"},
                "meta_url": {"scheme": "https", "netloc": "shop.example"}, "confidence": "high",
            }
            for number in range(count)
        ],
        "extra": {"might_be_offensive": False},
    }  # fmt: skip


def found(server: SearchServer, most: int) -> list[Result]:
    async def run() -> list[Result]:
        async with client.asking("swatchbook/1", 0) as ask:
            return await Brave(KEY, server.address).search(ask, "striped shirt", most, [])

    return asyncio.run(run())


def test_it_asks_with_the_key_in_a_header_and_takes_the_pictures_own_addresses() -> None:
    with closing(SearchServer(lambda _: told(answer(3)))) as server:
        assert found(server, 2) == [
            Result(f"https://shop.example/{number}.jpg") for number in range(2)
        ]
    (wanted,) = server.asked
    assert wanted["count"] == "2"
    assert KEY not in wanted.values()
    assert server.headers[0]["x-subscription-token"] == KEY


def test_no_more_than_the_service_gives_is_asked_for() -> None:
    with closing(SearchServer(lambda _: told(answer(0)))) as server:
        assert found(server, 400) == []
    assert server.asked[0]["count"] == "200"


def test_a_changed_form_is_an_error() -> None:  # B22
    changed = told({"results": [{"url": "x"}]})
    with (
        closing(SearchServer(lambda _: changed)) as server,
        pytest.raises(SearchError, match=r"results\.0\.properties"),
    ):
        found(server, 5)


def test_the_key_is_needed_and_in_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SWATCHBOOK_BRAVE_KEY", raising=False)
    with pytest.raises(ParamsError, match="SWATCHBOOK_BRAVE_KEY"):
        search.providers("brave")
    monkeypatch.setenv("SWATCHBOOK_BRAVE_KEY", KEY)
    (service,) = search.providers("brave")
    assert isinstance(service, Brave)
    assert service.key == KEY
    assert KEY not in repr(service)
