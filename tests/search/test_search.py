"""Queries of items and attributes, and their results as a source of images."""

import ipaddress
import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
from support.fault_server import FaultServer
from support.search_server import Reply, SearchServer, told

from swatchbook import search
from swatchbook.acquisition import acquiring, sources
from swatchbook.base import machine
from swatchbook.base.cache import Cache
from swatchbook.base.errors import DataError, ParamsError
from swatchbook.fetching.manners import Manners
from swatchbook.search import Answer, Wanted, client
from swatchbook.search.openverse import Openverse
from swatchbook.untrusted.examination import Examiner

GARMENTS = ("blouse", "dress", "hoodie", "shirt", "skirt", "sweater", "tank top")
TEXTURES = ("dotted", "leopard", "striped")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_BACKOFF", 0.01)


def page(*names: str, licence: str = "by") -> Reply:
    results = [{"url": f"http://a.example/{name}.jpg", "license": licence} for name in names]
    return told({"page_count": 1, "results": results})


def answers(server: SearchServer, wanted: Wanted, refresh: bool = False) -> list[Answer]:
    with Cache(Path("searches.sqlite")) as known:
        service = Openverse(server.address, 0)
        return search.search([service], wanted, known, "swatchbook/1", refresh)


def test_every_item_with_every_attribute_is_a_query_and_the_attribute_its_class() -> None:
    queries = Wanted(GARMENTS, TEXTURES).queries()
    assert len(queries) == len(set(queries)) == 21
    assert ("striped tank top", "striped") in queries
    assert Wanted(attributes=TEXTURES).queries() == [(text, text) for text in TEXTURES]


def test_one_query_that_fails_leaves_the_others() -> None:  # B22
    def reply(wanted: dict[str, str]) -> Reply:
        texture = wanted["q"].partition(" ")[0]
        if texture == "dotted":
            return told({"detail": "Request was throttled."}, 429)
        return page() if texture == "leopard" else page(wanted["q"].replace(" ", "-"))

    with closing(SearchServer(reply)) as server:
        found = answers(server, Wanted(["shirt"], TEXTURES))
    assert [(answer.query, answer.label, answer.reason) for answer in found] == [
        ("dotted shirt", "dotted", "search_quota"), ("leopard shirt", "leopard", "search_empty"),
        ("striped shirt", "striped", ""),
    ]  # fmt: skip
    assert [(rank, result.url) for rank, result in found[2].results] == [
        (1, "http://a.example/striped-shirt.jpg")
    ]


def test_what_was_found_is_not_asked_for_again_unless_it_should_be() -> None:
    wanted = Wanted(["shirt"], TEXTURES)
    replies = [page("a"), told({}, 500), told({}, 500), told({}, 500), page("c"), page("b")]
    with closing(SearchServer(lambda _: replies.pop(0))) as server:
        first = answers(server, wanted)
        assert [answer.reason for answer in first] == ["", "search_failed", ""]
        second = answers(server, wanted)  # the failed one alone
        assert [answer.reason for answer in second] == ["", "", ""]
        assert answers(server, wanted) == second
        assert len(server.asked) == 6
        replies += [page("d"), page("e"), page("f")]
        third = answers(server, wanted, refresh=True)
        assert [answer.results[0][1].url[-5] for answer in third] == ["d", "e", "f"]


def test_a_refresh_that_fails_takes_nothing_back() -> None:
    wanted = Wanted(["shirt"], TEXTURES)
    replies = [page("a"), page("b"), page("c"), *[told({}, 401)] * 3]
    with closing(SearchServer(lambda _: replies.pop(0))) as server:
        before = answers(server, wanted)
        after = answers(server, wanted, refresh=True)
    assert [answer.results for answer in after] == [answer.results for answer in before]
    assert {answer.reason for answer in after} == {""}
    assert {answer.detail for answer in after} == {
        "search_refused: status 401; what was found before is kept"
    }


def test_a_service_that_always_refuses_is_left_alone() -> None:
    with closing(SearchServer(lambda _: told({}, 401))) as server:
        found = answers(server, Wanted(GARMENTS, TEXTURES))
    assert {answer.reason for answer in found} == {"search_refused"}
    assert len(found) == 21
    assert len(server.asked) == 3


def test_licences_are_asked_for_and_checked() -> None:
    names = ["CC BY", "by-nc", "cc0", ""]
    shown = [{"url": f"http://a/{number}", "license": name} for number, name in enumerate(names)]
    with closing(SearchServer(lambda _: told({"page_count": 1, "results": shown}))) as server:
        (answer,) = answers(server, Wanted([], ["striped"], 50, ["cc0", "by-nc"]))
        assert server.asked[0]["license"] == "cc0,by-nc"
        assert [(rank, result.licence) for rank, result in answer.results] == [
            (2, "CC BY-NC"), (3, "CC0"),
        ]  # fmt: skip
        (none,) = answers(server, Wanted([], ["striped"], 50, ["by-nd"]))
    assert (none.reason, none.detail) == ("search_empty", "4 results")


def test_a_service_that_tells_no_licences_can_not_be_filtered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SWATCHBOOK_BRAVE_KEY", "x")
    with Cache(Path("searches.sqlite")) as known, pytest.raises(ParamsError, match="brave doesn't"):
        search.search(
            search.providers("openverse,brave"), Wanted([], ["a"], 5, ["by"]), known, "", False
        )


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ("openvers", "Did you mean 'openverse'"), ("folder", "is not folder=PATH"),
        ("commons=x", "is not 'commons' alone"), ("openverse,", "'' is not known"),
        ("folder=~nobody-of-that-name/x", "is no path"),
    ],
)  # fmt: skip
def test_an_unknown_service_is_named(names: str, says: str) -> None:
    with pytest.raises(ParamsError, match=says):
        search.providers(names)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    server = FaultServer("127.0.0.6")
    yield server
    server.close()


def results(query: str, *urls: str) -> None:
    found = [{"url": url, "licence": "CC BY 2.0", "author": "Ann"} for url in urls]
    Path("results").mkdir(exist_ok=True)
    Path(f"results/{query}.json").write_text(json.dumps(found))


def manifest(attributes: Sequence[str], licences: Sequence[str] = ()) -> pd.DataFrame:
    manners = Manners(allowed=[ipaddress.ip_network("127.0.0.6/32")])
    wanted = Wanted(["shirt"], attributes, 50, licences)
    with Cache(machine.cache_folder() / "seen.sqlite") as seen, Examiner(1, 16) as examiner:
        how = sources.How(manners=manners, wanted=wanted)
        candidates = sources.candidates("search:folder=results", how)
        return acquiring.acquire(candidates, seen, examiner).manifest


def test_results_are_fetched_and_failures_recorded(
    server: FaultServer, capsys: pytest.CaptureFixture[str]
) -> None:
    results("dotted shirt", server.url("/ok/1"), server.url("/status/404"))
    results("leopard shirt", server.url("/ok/2"))
    results("plain shirt")
    found = manifest(["dotted", "leopard", "plain", "striped"])
    rows = {row["source"].replace(server.url(""), ""): row for row in found.to_dict("records")}
    assert {name: (row["label"], row["reason"]) for name, row in rows.items()} == {
        "/ok/1": ("dotted", ""), "/status/404": ("dotted", "http_404"), "/ok/2": ("leopard", ""),
        "folder: plain shirt": ("plain", "search_empty"),
        "folder: striped shirt": ("striped", "search_failed"),
    }  # fmt: skip
    told = {name: rows["/ok/1"][name] for name in ("query", "rank", "licence", "author")}
    assert told == {
        "query": "folder: dotted shirt", "rank": "1", "licence": "CC BY 2.0", "author": "Ann",
    }  # fmt: skip
    assert rows["/status/404"]["rank"] == "2"
    said = capsys.readouterr().err
    assert "acquire: folder: plain shirt: search_empty" in said
    assert "striped shirt.json: No such file" in said
    acquiring.check(found, 0.0)  # what the search did not find is no bad file


def test_nothing_found_at_all_is_an_error() -> None:
    with pytest.raises(DataError, match="none of 2 files can be used: 2 search_failed"):
        acquiring.check(manifest(["dotted", "striped"]), 0.2)


def test_no_class_to_search_for_is_an_error() -> None:
    with pytest.raises(ParamsError, match=r"acquire\.attributes: \[\] names no class"):
        manifest([])
