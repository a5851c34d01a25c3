"""How fast a host is asked, and what Retry-After means."""

import asyncio
import time

import pytest

from swatchbook.fetching.rate_limit import Pace, retry_after


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0), ("", 0), ("7", 7), (" 7 ", 7), ("-5", 0), ("junk", 0), ("1000000000", 60),
        ("9" * 5000, 60), ("1.5", 0), ("\u0663", 0),
        ("Fri, 27 Nov 2020 23:49:27 GMT", 0), ("Fri, 27 Nov 2099 23:49:27 GMT", 60),
        ("Wed, 99 Foo 2026 99:99:99 GMT", 0),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date_within_reason(
    header: str | None, seconds: float
) -> None:  # C03
    assert retry_after(header) == seconds


def test_requests_to_one_host_start_a_delay_apart_and_others_do_not_wait() -> None:
    async def starts() -> dict[str, list[float]]:
        pace, begun = Pace(0.05), time.monotonic()
        pace.slow_down("slow", 0.1)
        found: dict[str, list[float]] = {"a": [], "b": [], "slow": []}

        async def ask(host: str) -> None:
            await pace.turn(host)
            found[host].append(time.monotonic() - begun)

        await asyncio.gather(*(ask(host) for _ in range(4) for host in found))
        return found

    found = asyncio.run(starts())
    for host, times in found.items():
        delay = 0.1 if host == "slow" else 0.05
        assert all(at >= number * delay - 0.01 for number, at in enumerate(times))
    assert max(found["a"]) < max(found["slow"])


def test_a_paused_host_is_not_asked() -> None:
    async def waited() -> float:
        pace = Pace(0.0)
        pace.pause("a", 0.2)
        pace.pause("a", 0.1)
        await pace.turn("b")
        started = time.monotonic()
        await pace.turn("a")
        return time.monotonic() - started

    assert asyncio.run(waited()) >= 0.19
