"""Wikimedia Commons, answering as https://www.mediawiki.org/wiki/API:Imageinfo documents it."""

import asyncio
from contextlib import closing
from typing import Any

import pytest
from support.search_server import Reply, SearchServer, told

from swatchbook.search import client
from swatchbook.search.commons import Commons
from swatchbook.search.provider import Result, SearchError

UPLOAD = "https://upload.wikimedia.org/wikipedia/commons"


def page(index: int, **other: Any) -> dict[str, Any]:
    return {
        "pageid": 1000 - index, "ns": 6, "title": f"File:Shirt {index}.jpg", "index": index,
        "imagerepository": "local",
        "imageinfo": [
            {
                "thumburl": f"{UPLOAD}/thumb/a/ab/{index}.jpg/1280px-{index}.jpg",
                "thumbwidth": 1280, "thumbheight": 960, "url": f"{UPLOAD}/a/ab/{index}.jpg",
                "descriptionurl": f"https://commons.wikimedia.org/wiki/File:Shirt_{index}.jpg",
                "extmetadata": {
                    "LicenseShortName": {
                        "value": "CC BY-SA 4.0", "source": "commons-desc-page", "hidden": "",
                    },
                    "Artist": {
                        "value": '<a href="//commons.wikimedia.org/wiki/User:A">Ann &amp;\nBob</a>',
                        "source": "commons-desc-page",
                    },
                },
            }
        ],
        **other,
    }  # fmt: skip


def found(server: SearchServer, most: int = 5) -> list[Result]:
    async def run() -> list[Result]:
        async with client.asking("swatchbook/1", 0) as ask:
            return await Commons(server.address, 0).search(ask, "striped shirt", most, ["by-sa"])

    return asyncio.run(run())


def test_results_come_in_the_order_of_the_search() -> None:
    pages = [page(3), page(1), page(2)]  # the answer is ordered by page, not by rank
    with closing(SearchServer(lambda _: told({"query": {"pages": pages}}))) as server:
        results = found(server, 2)
    assert results == [
        Result(f"{UPLOAD}/thumb/a/ab/{rank}.jpg/1280px-{rank}.jpg", "CC BY-SA 4.0", "Ann & Bob")
        for rank in (1, 2)
    ]
    (wanted,) = server.asked
    assert wanted["gsrsearch"] == "striped shirt filetype:bitmap"
    assert wanted["gsrnamespace"] == "6"
    assert wanted["gsrlimit"] == "2"


def test_it_goes_on_as_the_answer_says() -> None:
    def reply(wanted: dict[str, str]) -> Reply:
        if wanted.get("iistart"):  # a page that had no room for its picture comes again
            return told({"batchcomplete": True, "query": {"pages": [page(2)]},
                         "continue": {"gsroffset": 2, "continue": "gsroffset||"}})  # fmt: skip
        if wanted.get("gsroffset"):
            return told({"batchcomplete": True, "query": {"pages": [page(3)]}})
        bare = page(2)
        del bare["imageinfo"]
        return told(
            {
                "continue": {"iistart": "2020-01-01T00:00:00Z", "continue": "||"},
                "query": {"pages": [page(1), bare]},
            }
        )

    with closing(SearchServer(reply)) as server:
        assert [result.url[-8:] for result in found(server)] == ["px-1.jpg", "px-2.jpg", "px-3.jpg"]
    assert [wanted.get("gsroffset") for wanted in server.asked] == [None, None, "2"]


def test_a_file_that_was_hidden_is_left_out() -> None:
    hidden = page(1, imageinfo=[{"filehidden": True}])
    with closing(SearchServer(lambda _: told({"query": {"pages": [hidden, page(2)]}}))) as server:
        assert [result.url[-8:] for result in found(server)] == ["px-2.jpg"]


def test_nothing_found_is_no_error() -> None:
    with closing(SearchServer(lambda _: told({"batchcomplete": True}))) as server:
        assert found(server) == []


def test_a_picture_without_a_smaller_one_or_metadata_is_taken_as_it_is() -> None:
    bare = page(1, imageinfo=[{"url": f"{UPLOAD}/a/ab/1.jpg"}])
    with closing(SearchServer(lambda _: told({"query": {"pages": [bare]}}))) as server:
        assert found(server) == [Result(f"{UPLOAD}/a/ab/1.jpg")]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"error": {"code": "ratelimited", "info": "too many"}}, "search_quota"),
        ({"error": {"code": "maxlag", "info": "Waiting for a host: 6 s"}}, "search_quota"),
        ({"error": {"code": "readapidenied", "info": "…"}}, "search_refused"),
        ({"error": "text"}, "search_answer"),
        ({}, "search_answer"), ([], "search_answer"), ({"query": {}}, "search_answer"),
        ({"query": {"pages": {"12": page(1)}}}, "search_answer"),
        ({"query": {"pages": [page(1, imageinfo=[{"url": 3}])]}}, "search_answer"),
    ],
)  # fmt: skip
def test_errors_and_changed_forms_have_reasons(answer: Any, reason: str) -> None:  # B22
    with (
        closing(SearchServer(lambda _: told(answer))) as server,
        pytest.raises(SearchError) as raised,
    ):
        found(server)
    assert raised.value.reason == reason
