"""Many URLs: each has one outcome, politely, none is fetched twice, whatever happens."""

import ipaddress
import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.fault_server import FaultServer, picture
from support.full import FULL
from support.project import ROOT

from swatchbook.base import files
from swatchbook.base.cache import Cache
from swatchbook.fetching import downloader
from swatchbook.fetching.downloader import Outcome
from swatchbook.fetching.manners import Manners

ALLOWED = (ipaddress.ip_network("127.0.0.0/8"),)
HOSTS = [f"127.0.1.{number}" for number in range(1, 9)]


@pytest.fixture
def serve() -> Iterator[Callable[..., FaultServer]]:
    servers: list[FaultServer] = []

    def started(host: str = "127.0.0.5", **options: Any) -> FaultServer:
        servers.append(FaultServer(host, **options))
        return servers[-1]

    yield started
    for server in servers:
        server.close()


def fetch(urls: list[str], **options: Any) -> dict[str, Outcome]:
    manners = Manners(agent="tester/1", **{"seconds": 10.0, "allowed": ALLOWED, **options})
    with downloader.opened(Path("downloads")) as downloads:
        found = dict(downloads.each(urls, manners))
        for outcome in found.values():
            # a file is whole or not there
            if not outcome.reason:
                data = downloads.path_of(outcome.sha256).read_bytes()
                assert files.digest(data) == outcome.sha256
        return found


def reasons(server: FaultServer, *paths: str, **options: Any) -> list[str]:
    urls = [server.url(path) for path in paths]
    found = fetch(urls, **options)
    return [found[url].reason for url in urls]


def test_each_url_has_its_file_and_is_not_fetched_again(
    serve: Callable[..., FaultServer],
) -> None:
    server = serve()
    first = fetch([server.url(f"/ok/{number}") for number in range(5)])
    assert [outcome.sha256 for outcome in first.values()] == [
        files.digest(picture(number)) for number in range(5)
    ]
    assert not list(Path("downloads").glob("part-*"))
    assert fetch(list(first)) == first
    assert all(count == 1 for count in server.requests.values())
    assert server.agents == {"User-Agent: tester/1"}


def test_what_an_attempt_may_cure_is_tried_three_times(
    serve: Callable[..., FaultServer],
) -> None:  # C02
    server = serve()
    paths = ["/flaky/2/503/1", "/flaky/1/408/2", "/flaky/9/500/3", "/reset", "/raw/short"]
    assert reasons(server, *paths) == ["", "", "http_500", "reset", "truncated_body"]
    # aiohttp itself asks once more after a reset
    assert [server.requests[path] for path in paths] == [3, 2, 3, 6, 3]


def test_what_is_final_is_asked_once_and_in_the_next_run_not_again(
    serve: Callable[..., FaultServer],
) -> None:  # C01
    server = serve()
    paths = [f"/status/{status}" for status in (404, 410, 401, 403, 451)]
    for _ in range(2):
        assert reasons(server, *paths) == [f"http_{path[-3:]}" for path in paths]
    assert all(server.requests[path] == 1 for path in paths)


def test_what_another_day_may_cure_is_tried_in_the_next_run(
    serve: Callable[..., FaultServer],
) -> None:
    server = serve()
    assert reasons(server, "/flaky/3/503/1") == ["http_503"]
    assert reasons(server, "/flaky/3/503/1") == [""]


@pytest.mark.parametrize("value", ["1", "date"])
def test_a_host_that_says_when_is_asked_then(
    serve: Callable[..., FaultServer], value: str
) -> None:  # C03
    server, other = serve(), serve("127.0.0.6")
    urls = [server.url(f"/later/{value}/1"), *(other.url(f"/ok/{number}") for number in range(3))]
    assert not any(outcome.reason for outcome in fetch(urls).values())
    (first, _), (second, _) = [at for at in server.times if at[1].startswith("/later")]
    assert second - first >= 0.9
    assert max(at for at, _ in other.times) < second  # another host does not wait for it


@pytest.mark.parametrize("value", ["1000000000", "-7", "junk", "59"])
def test_an_absurd_wait_ends_the_url_within_its_time(
    serve: Callable[..., FaultServer], value: str
) -> None:  # C03
    server = serve()
    started = time.monotonic()
    (reason,) = reasons(server, f"/later/{value}/1", seconds=3.0)
    assert reason == ("" if value in ("-7", "junk") else "http_429")
    assert time.monotonic() - started < 4


def test_a_url_ends_within_its_time_whatever_the_server_does(
    serve: Callable[..., FaultServer],
) -> None:  # C09: all at once, so one after the other would take longer
    server = serve()
    paths = ["/drip", "/drip/headers", "/silent"]
    started = time.monotonic()
    found = reasons(server, *paths, *("/ok/1", "/ok/2"), seconds=2.0)
    assert found == ["fetch_timeout"] * 3 + ["", ""]
    assert time.monotonic() - started < 2 * (2.0 + 1)  # two at once of one host


def test_names_that_hang_do_not_keep_others_from_theirs(
    serve: Callable[..., FaultServer], monkeypatch: pytest.MonkeyPatch
) -> None:  # C04
    import socket

    resolve = socket.getaddrinfo

    def hanging(host: str, *rest: Any, **options: Any) -> Any:
        if host.endswith(".slow.example"):
            time.sleep(3)
            raise socket.gaierror(socket.EAI_AGAIN, "later")
        return resolve(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    server = serve()
    slow = [f"http://{number}.slow.example/a.png" for number in range(20)]
    good = [server.url("/ok/1").replace("127.0.0.5", "localhost")]
    started = time.monotonic()
    found = fetch([*slow, *good], seconds=1.0)
    assert {found[url].reason for url in slow} == {"fetch_timeout"}
    assert [found[url].reason for url in good] in ([""], ["connect"])
    assert time.monotonic() - started < 6


def test_one_host_is_asked_politely(serve: Callable[..., FaultServer]) -> None:  # C20
    server = serve()
    assert set(reasons(server, *(f"/ok/{number}" for number in range(20)))) == {""}
    assert server.most_at_once <= 2
    starts = sorted(at for at, path in server.times if path.startswith("/ok"))
    assert starts[-1] - starts[0] >= 19 * 0.1 - 0.1


def test_sites_wishes_are_heeded_unless_told_otherwise(
    serve: Callable[..., FaultServer],
) -> None:  # C17
    rules = b"User-agent: *\nDisallow: /ok\n"
    server, broken = serve(robots=rules), serve("127.0.0.6", robots=b"", robots_status=503)
    assert reasons(server, "/ok/1", "/gzipped/1") == ["robots", ""]
    assert reasons(broken, "/ok/1") == ["robots"]
    assert server.requests["/ok/1"] == 0
    tagged = f"/tagged/{b'noimageai'.hex()}"
    assert reasons(serve(), tagged) == ["robots"]
    assert reasons(server, "/ok/2", tagged, robots=False) == ["", ""]


def test_what_a_setting_or_a_site_may_change_is_asked_again(
    serve: Callable[..., FaultServer],
) -> None:
    server = serve(robots=b"User-agent: *\nDisallow: /ok\n")
    assert reasons(server, "/ok/1") == ["robots"]
    assert reasons(server, "/ok/1", robots=False) == [""]
    assert reasons(server, "/ok/2", allowed=()) == ["ssrf_blocked"]
    assert reasons(server, "/ok/2", robots=False) == [""]
    broken = serve("127.0.0.6", robots=b"", robots_status=503)
    assert reasons(broken, "/ok/1") == ["robots"]
    broken.robots_status = 200
    assert reasons(broken, "/ok/1") == [""]


def test_a_site_that_wants_long_pauses_costs_no_url_its_time(
    serve: Callable[..., FaultServer],
) -> None:
    server = serve(robots=b"User-agent: *\nCrawl-delay: 1.5\n")
    assert reasons(server, "/chain/0", "/ok/1", "/ok/2", seconds=1.0) == ["", "", ""]


def test_a_host_that_stays_silent_is_given_up_until_the_next_run(
    serve: Callable[..., FaultServer],
) -> None:
    server = serve()
    paths = [f"/silent/{number}" for number in range(40)]
    started = time.monotonic()
    assert set(reasons(server, *paths, seconds=0.4)) == {"fetch_timeout"}
    assert time.monotonic() - started < 5
    assert sum(server.requests[path] for path in paths) < 10


def test_one_spelling_that_is_no_url_says_nothing_of_another(
    serve: Callable[..., FaultServer],
) -> None:
    server = serve()
    good = server.url("/ok/1")
    found = fetch([good.replace("http:", "ftp:"), good])
    assert [outcome.reason for outcome in found.values()] == ["scheme", ""]
    spaced = fetch([server.url("/ok/2 ").replace("/2 ", "/ 2")])
    assert [outcome.reason for outcome in spaced.values()] == ["bad_url"]


def test_a_dead_host_is_what_it_is_not_a_wish() -> None:
    found = fetch(["http://does-not-exist.invalid/a.png"])
    assert [outcome.reason for outcome in found.values()] == ["dns"]


def test_two_spellings_of_a_url_are_fetched_once(serve: Callable[..., FaultServer]) -> None:  # B21
    server = serve()
    one = server.url("/ok/1")
    found = fetch([one, f"{one}#top", f"{one}?utm_source=mail", f"{one}?a=1"])
    assert len({outcome.sha256 for outcome in found.values()}) == 1
    assert server.requests == {"/robots.txt": 1, "/ok/1": 1, "/ok/1?a=1": 1}


def test_what_was_fetched_stays_until_it_is_asked_for_again(
    serve: Callable[..., FaultServer],
) -> None:  # C19
    server = serve()
    (first,) = fetch([server.url("/changing/1")]).values()
    (again,) = fetch([server.url("/changing/1")]).values()
    (fresh,) = fetch([server.url("/changing/1")], refresh=True).values()
    assert first == again
    assert fresh.sha256 != first.sha256


def test_a_refresh_that_fails_gives_nothing_up(serve: Callable[..., FaultServer]) -> None:
    server = serve()
    (first,) = fetch([server.url("/ok/1")]).values()
    server.robots, server.robots_status = b"User-agent: *\nDisallow: /\n", 200
    (after,) = fetch([server.url("/ok/1")], refresh=True).values()
    server.close()
    (later,) = fetch([server.url("/ok/1")], refresh=True).values()
    assert first == after == later


def test_a_file_that_was_lost_is_fetched_again(serve: Callable[..., FaultServer]) -> None:
    server = serve()
    (first,) = fetch([server.url("/ok/1")]).values()
    with downloader.opened(Path("downloads")) as downloads:
        downloads.path_of(first.sha256).unlink()
    (again,) = fetch([server.url("/ok/1")]).values()
    assert again.sha256 == first.sha256
    assert server.requests["/ok/1"] == 2


def test_leftovers_of_a_killed_run_are_removed_after_a_day(
    serve: Callable[..., FaultServer],
) -> None:
    Path("downloads").mkdir()
    old = Path("downloads/part-old")
    old.write_bytes(b"x")
    os.utime(old, (0, 0))
    fetch([serve().url("/ok/1")])
    assert not old.exists()


KILLS = 20 if FULL else 8
KILLED = """
import ipaddress, sys
from pathlib import Path
from swatchbook.fetching import downloader
from swatchbook.fetching.manners import Manners
manners = Manners("t", allowed=[ipaddress.ip_network("127.0.0.0/8")])
with downloader.opened(Path("downloads")) as downloads:
    print("begun", flush=True)
    dict(downloads.each(Path("urls.txt").read_text().split(), manners))
"""


@pytest.mark.pipeline
def test_killed_at_any_time_nothing_is_lost_or_fetched_twice(
    serve: Callable[..., FaultServer],
) -> None:
    """500 URLs of eight hosts, many kills at random moments."""
    servers = [serve(host) for host in HOSTS]
    urls = [
        server.url(f"/ok/{number}") for number, server in zip(range(500), itertools.cycle(servers))
    ]
    Path("urls.txt").write_text("\n".join(urls))
    random.seed(0)
    done = killed = 0
    while True:
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED], env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        try:
            process.communicate(timeout=random.uniform(0, 0.5) if killed < KILLS else 300)
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            killed += 1
        with Cache(Path("downloads") / downloader.OUTCOMES) as outcomes:
            known = len(outcomes.items())
        assert known >= done  # nothing that was had is lost
        done = known
    assert process.returncode == 0
    assert killed == KILLS
    outcomes = fetch(urls)
    assert {outcome.reason for outcome in outcomes.values()} == {""}
    assert len({outcome.sha256 for outcome in outcomes.values()}) == 500
    asked = sum(server.requests[f"/ok/{n}"] for n in range(500) for server in servers)
    # what a kill cut off is asked for again: at most two requests a host each time
    assert asked <= 500 + killed * 2 * len(HOSTS)


def test_every_reason_has_a_meaning() -> None:
    assert downloader.is_reason("http_404")
    assert downloader.is_reason("dns")
    assert not downloader.is_reason("blank")
