"""How fast each host is asked: a few requests at once, a delay between their starts, and pauses."""

import asyncio
import email.utils
import time

_LONGEST_PAUSE = 60.0


class Pace:
    """When the next request to each host may start; in seconds of the running loop's clock."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._delays: dict[str, float] = {}
        self._next: dict[str, float] = {}

    def ready(self, host: str) -> float:
        """When a request to ``host`` may start."""
        return self._next.get(host, 0.0)

    async def turn(self, host: str) -> None:
        """Wait for the turn of one request to ``host``."""
        now = asyncio.get_running_loop().time()
        start = max(now, self.ready(host))
        # taken before it sleeps: the next one waits for its own turn
        self._next[host] = start + self._delays.get(host, self._delay)
        await asyncio.sleep(start - now)

    def slow_down(self, host: str, delay: float) -> None:
        """Ask ``host`` no more often than it says (crawl delay)."""
        self._delays[host] = max(self._delay, min(delay, _LONGEST_PAUSE))

    def pause(self, host: str, seconds: float) -> None:
        """Ask ``host`` nothing for a while."""
        until = asyncio.get_running_loop().time() + seconds
        self._next[host] = max(self.ready(host), until)


def retry_after(header: str | None, most: float = _LONGEST_PAUSE) -> float:
    """The seconds that ``Retry-After`` asks for, at most ``most``; 0 where it makes no sense.

    Seconds or a date: RFC 9110, section 10.2.3.
    """
    if not header:
        return 0.0
    text = header.strip()
    if text.isascii() and text.isdecimal():
        # a number of a thousand digits is a fault too
        return min(float(text[:12]), most)
    try:
        until = email.utils.parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return min(max(0.0, until - time.time()), most)
