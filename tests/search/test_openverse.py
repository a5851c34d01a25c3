"""Openverse, answering as https://api.openverse.org/v1/ documents it."""

import asyncio
from contextlib import closing
from typing import Any

import pytest
from support.search_server import Reply, SearchServer, told

from swatchbook.search import client
from swatchbook.search.openverse import Openverse
from swatchbook.search.provider import Result, SearchError


def image(number: int, **other: Any) -> dict[str, Any]:
    """A result as the reference shows it, shortened."""
    return {
        "id": f"4bc43a04-ef46-4544-a0c1-63c63f56e{number:03}",
        "title": "Striped shirt",
        "foreign_landing_url": f"https://www.flickr.com/photos/ann/{number}",
        "url": f"https://live.staticflickr.com/{number}.jpg",
        "creator": "Ann", "license": "by-sa", "license_version": "2.0",
        "license_url": "https://creativecommons.org/licenses/by-sa/2.0/",
        "provider": "flickr", "source": "flickr", "category": None, "filesize": None,
        "filetype": None, "mature": False, "height": 683, "width": 1024, **other,
    }  # fmt: skip


def served(total: int) -> SearchServer:
    def reply(wanted: dict[str, str]) -> Reply:
        first = 20 * (int(wanted["page"]) - 1)
        results = [image(number) for number in range(first, min(first + 20, total))]
        return told(
            {
                "result_count": total, "page_count": -(-total // 20), "page_size": 20,
                "page": int(wanted["page"]), "results": results,
            }
        )  # fmt: skip

    return SearchServer(reply)


def found(server: SearchServer, most: int, *licences: str) -> list[Result]:
    async def run() -> list[Result]:
        async with client.asking("swatchbook/1", 0) as ask:
            return await Openverse(server.address).search(ask, "striped shirt", most, licences)

    return asyncio.run(run())


def test_it_takes_as_many_pages_as_it_needs() -> None:
    with closing(served(100)) as server:
        results = found(server, 50, "by", "by-sa")
    assert [result.url for result in results] == [
        f"https://live.staticflickr.com/{number}.jpg" for number in range(50)
    ]
    assert server.asked == [
        {"q": "striped shirt", "page": str(page), "page_size": "20", "license": "by,by-sa"}
        for page in (1, 2, 3)
    ]


def test_it_stops_where_the_results_do() -> None:
    with closing(served(30)) as server:
        assert len(found(server, 50)) == 30
    assert [wanted["page"] for wanted in server.asked] == ["1", "2"]
    assert "license" not in server.asked[0]
    with closing(served(0)) as server:
        assert found(server, 50) == []


def test_licence_and_author_are_told() -> None:
    shown = [
        image(0), image(1, license="cc0", license_version="1.0", creator=None),
        image(2, license="pdm", license_version=None),
    ]  # fmt: skip
    with closing(SearchServer(lambda _: told({"page_count": 1, "results": shown}))) as server:
        results = found(server, 5)
    assert [(result.licence, result.author) for result in results] == [
        ("CC BY-SA 2.0", "Ann"), ("CC0 1.0", ""), ("Public Domain Mark", "Ann"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "answer",
    [
        {}, [], None, {"page_count": 1}, {"page_count": 1, "results": [{"link": "x"}]},
        {"page_count": 1, "results": {"0": image(0)}}, {"detail": "new version"},
        {"page_count": 1, "results": [image(0, url=None)]},
    ],
)  # fmt: skip
def test_a_changed_form_is_an_error(answer: Any) -> None:  # B22
    with (
        closing(SearchServer(lambda _: told(answer))) as server,
        pytest.raises(SearchError) as raised,
    ):
        found(server, 5)
    assert raised.value.reason == "search_answer"
