"""Requests to a search service."""

import asyncio
import time
from contextlib import closing
from typing import Any

import pytest
from support.search_server import Reply, SearchServer, told

from swatchbook.search import client
from swatchbook.search.provider import SearchError


def asked(address: str, times: int = 1, delay: float = 0.0) -> list[Any]:
    async def run() -> list[Any]:
        async with client.asking("swatchbook/1 (ann@example.org)", delay) as ask:
            return [await ask(address, {"q": "striped shirt"}, {}) for _ in range(times)]

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow each other without the usual second."""
    monkeypatch.setattr(client, "_BACKOFF", 0.01)


def test_it_says_who_asks_and_wants_json() -> None:
    with closing(SearchServer(lambda _: told({"a": [1]}))) as server:
        assert asked(server.address) == [{"a": [1]}]
    assert server.asked == [{"q": "striped shirt"}]
    assert server.headers[0]["user-agent"] == "swatchbook/1 (ann@example.org)"
    assert server.headers[0]["accept"] == "application/json"


def test_requests_are_spaced() -> None:
    with closing(SearchServer(lambda _: told({}))) as server:
        asked(server.address, 3, 0.15)
    assert min(b - a for a, b in zip(server.times, server.times[1:], strict=False)) >= 0.13


def test_what_another_attempt_may_cure_is_tried_again() -> None:
    replies = [told({}, 503), told({}, 429, Retry_After="1"), told({"ok": 1})]
    with closing(SearchServer(lambda _: replies.pop(0))) as server:
        started = time.monotonic()
        assert asked(server.address) == [{"ok": 1}]
        assert time.monotonic() - started >= 1
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("reply", "reason", "requests"),
    [
        (told({}, 429), "search_quota", 3),
        (told({}, 429, Retry_After="3600"), "search_quota", 1), (told({}, 500), "search_failed", 3),
        (told({}, 401), "search_refused", 1), (told({}, 403), "search_refused", 1),
        (told({}, 301, Location="/elsewhere"), "search_refused", 1),
        ((200, {}, b"<html>sorry</html>"), "search_answer", 1),
        ((200, {}, b""), "search_answer", 1),
        ((200, {}, b"[" * 100_000), "search_answer", 1),
        ((200, {}, b'"\xff"'), "search_answer", 1),
        ((200, {"Content-Encoding": "gzip"}, b"no gzip"), "search_failed", 3),
    ],
)  # fmt: skip
def test_every_failure_has_a_reason(reply: Reply, reason: str, requests: int) -> None:  # B22
    with closing(SearchServer(lambda _: reply)) as server, pytest.raises(SearchError) as raised:
        asked(server.address)
    assert raised.value.reason == reason
    assert len(server.asked) == requests


def test_an_answer_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_MOST_BYTES", 1_000)
    with (
        closing(SearchServer(lambda _: (200, {}, b" " * 2_000 + b"1"))) as server,
        pytest.raises(SearchError, match="over"),
    ):
        asked(server.address)


def test_a_service_that_is_not_there_is_told_without_its_address() -> None:
    with closing(SearchServer(lambda _: told({}))) as server:
        pass
    with pytest.raises(SearchError) as raised:
        asked(server.address)
    assert raised.value.reason == "search_failed"
    assert "striped" not in str(raised.value)


def test_a_slow_service_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(_: dict[str, str]) -> Reply:
        time.sleep(0.4)
        return told({})

    monkeypatch.setattr(client, "_SECONDS", 0.1)
    with closing(SearchServer(slow)) as server, pytest.raises(SearchError) as raised:
        asked(server.address)
    assert raised.value.reason == "search_failed"
