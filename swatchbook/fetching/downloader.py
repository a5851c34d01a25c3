"""Many URLs to files: politely, each with one outcome, none twice.

An outcome is remembered as soon as it is known, in the machine's cache, beside the file under
its digest. So a run that was killed goes on where it was, and so does the next experiment.
"""

import asyncio
import contextlib
import json
import os
import queue
import random
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Generator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from tqdm import tqdm
from yarl import URL

from swatchbook.base.cache import Cache
from swatchbook.fetching import one_url, spelling
from swatchbook.fetching.manners import Manners
from swatchbook.fetching.one_url import FetchError
from swatchbook.fetching.rate_limit import Pace, retry_after
from swatchbook.fetching.robots import MOST_BYTES, Robots, forbidden
from swatchbook.images import limits

REASONS = one_url.REASONS | {
    "robots": "the site asks programs not to take it (robots.txt, X-Robots-Tag)",
    "hash_mismatch": "other bytes than the list's `sha256`",
}
_TRANSIENT_STATUS = (408, 425, 429, 500, 502, 503, 504, 522, 524)
# what another attempt may cure; and what another day may (a resolver has tried more than once)
_RETRIED = {"connect", "reset", "truncated_body", "protocol"} | {
    f"http_{status}" for status in _TRANSIENT_STATUS
}
_TRIED_AGAIN = _RETRIED | {"dns", "fetch_timeout", "tls", "ssrf_blocked", "robots"}
# said without asking anybody: the list may be mended, or stand for another URL of the same key
_UNASKED = {"bad_url", "scheme"}
# a host that fails so often in a row is not asked again in this run
_GIVEN_UP = 5
_SILENT = {"connect", "dns", "fetch_timeout", "http_429", "http_503"}
_ATTEMPTS, _BACKOFF = 3, 0.5
_AT_ONCE, _AT_ONCE_A_HOST = 128, 2
_DELAY = 0.1
_RULES_SECONDS = 20.0
OUTCOMES = "outcomes.sqlite"


def is_reason(reason: str) -> bool:
    """Whether a file is missing because its URL gave none."""
    return reason in REASONS or reason.startswith("http_")


@dataclass(frozen=True)
class Outcome:
    """What became of a URL: ``reason`` is empty where its file is there, else of ``REASONS``.

    ``url`` is where it was found after redirects, ``time`` when (UTC), ``bytes`` its length.
    """

    reason: str
    sha256: str = ""
    url: str = ""
    bytes: int = 0
    time: str = ""


@contextlib.contextmanager
def opened(folder: Path) -> "Generator[Downloads]":
    """The downloads in ``folder``."""
    with Cache(folder / OUTCOMES) as known:
        yield Downloads(folder, known)


class Downloads:
    """A folder of downloads: files by digest, and the outcome of each URL."""

    def __init__(self, folder: Path, known: Cache) -> None:
        self._folder = folder
        self._known = known

    def path_of(self, sha256: str) -> Path:
        """Where a file stands."""
        return self._folder / sha256[:2] / sha256

    def each(self, urls: Collection[str], manners: Manners) -> Generator[tuple[str, Outcome]]:
        """Fetch what is not there yet; every URL with its outcome, as soon as there is one.

        Fetching goes on, in a thread, while the caller works on what came; it ends with this
        iterator. URLs that differ only in http or https, fragment or a ``utm_`` mark are fetched
        once.
        """
        spellings: dict[str, list[str]] = {}
        for url in urls:
            spellings.setdefault(spelling.key_of(url), []).append(url)
        known = {} if manners.refresh else self._outcomes(spellings)
        wanted = {}
        for key, alike in spellings.items():
            if self._is_settled(known.get(key)):
                yield from ((url, known[key]) for url in alike)
            else:
                wanted[key] = alike[0]
        if not wanted:
            return
        self._remove_leftovers()
        for key, outcome in self._settling(wanted, manners):
            yield from ((url, outcome) for url in spellings[key])

    def _settling(self, wanted: dict[str, str], manners: Manners) -> Generator[tuple[str, Outcome]]:
        told: queue.SimpleQueue[tuple[str, Outcome] | BaseException | None] = queue.SimpleQueue()
        run = _Run(self._folder, manners, wanted, lambda *settled: told.put(settled))

        def work() -> None:
            try:
                asyncio.run(run.finish())
            except BaseException as error:
                told.put(error)
            else:
                told.put(None)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            while (one := told.get()) is not None:
                if isinstance(one, BaseException):
                    raise one
                yield one
        finally:
            run.stop()
            thread.join()

    def record(self, key: str, outcome: Outcome) -> Outcome:
        """Remember an outcome; a failure takes nothing back that is there. What is the case now."""
        if outcome.reason:
            before = self._outcomes([key]).get(key)
            if before and not before.reason and self._is_settled(before):
                return before
        self._known.put({key: json.dumps(asdict(outcome)).encode()})
        return outcome

    @contextlib.contextmanager
    def new_file(self) -> Generator[Path]:
        """A temporary file beside the others."""
        descriptor, name = tempfile.mkstemp(prefix="part-", dir=self._folder)
        os.close(descriptor)
        try:
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)

    def keep(self, temporary: Path, sha256: str) -> None:
        """Put a whole file in its place."""
        path = self.path_of(sha256)
        path.parent.mkdir(exist_ok=True)
        temporary.replace(path)

    def _outcomes(self, keys: Collection[str]) -> dict[str, Outcome]:
        found = self._known.get(keys)
        return {key: Outcome(**json.loads(value)) for key, value in found.items()}

    def _is_settled(self, outcome: Outcome | None) -> bool:
        if outcome is None or outcome.reason:
            return outcome is not None and outcome.reason not in _TRIED_AGAIN | _UNASKED
        path = self.path_of(outcome.sha256)
        return path.is_file() and path.stat().st_size == outcome.bytes

    def _remove_leftovers(self) -> None:
        """Remove what a killed run had begun; one of today may be another run's."""
        for path in self._folder.glob("part-*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > 86_400:
                    path.unlink()


class _Run:
    """One run over the URLs of many hosts: each host has two places in the queue."""

    def __init__(
        self,
        folder: Path,
        manners: Manners,
        wanted: dict[str, str],
        tell: Callable[[str, Outcome], None],
    ) -> None:
        self._folder = folder
        self._manners = manners
        self._tell = tell
        self._lock = threading.Lock()
        self._stops = False
        self._stop: Callable[[], object] | None = None
        self._pace = Pace(_DELAY)
        self._waiting: dict[str, deque[tuple[str, str]]] = {}
        for key, url in wanted.items():
            self._waiting.setdefault(spelling.host_of(url), deque()).append((key, url))
        self._silent: dict[str, int] = {}
        self._places: asyncio.PriorityQueue[tuple[float, int, str]] = asyncio.PriorityQueue()
        self._numbers = count()
        self._bar = tqdm(
            total=len(wanted), unit="URL", desc="downloading", disable=not sys.stderr.isatty()
        )

    def stop(self) -> None:
        """End soon, from another thread."""
        with self._lock:
            self._stops = True
            if self._stop is not None:
                self._stop()

    async def finish(self) -> None:
        """Settle every URL."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        with self._lock:
            self._stop = lambda: loop.call_soon_threadsafe(task.cancel)
            if self._stops:
                return
        try:
            with opened(self._folder) as self._downloads:
                await self._settle_all()
        finally:
            with self._lock:
                self._stop = None

    async def _settle_all(self) -> None:
        manners = self._manners
        for host, waiting in self._waiting.items():
            for _ in range(min(_AT_ONCE_A_HOST, len(waiting))):
                self._join_queue(host)
        async with one_url.session(manners.agent, manners.allowed) as self._client:
            self._robots = Robots(self._rules)
            workers = min(_AT_ONCE, self._places.qsize())
            with self._bar:
                await asyncio.gather(*(self._work() for _ in range(workers)))

    def _join_queue(self, host: str) -> None:
        self._places.put_nowait((self._pace.ready(host), next(self._numbers), host))

    async def _work(self) -> None:
        while not self._places.empty():
            start, _, host = self._places.get_nowait()
            if self._pace.ready(host) > start:
                self._join_queue(host)  # it was paused since
                continue
            await asyncio.sleep(start - asyncio.get_running_loop().time())
            if not self._waiting[host]:
                continue
            key, url = self._waiting[host].popleft()
            outcome = await self._settled(url)
            self._settle(key, outcome)
            self._give_up(host, outcome.reason)
            if self._waiting[host]:
                self._join_queue(host)

    def _settle(self, key: str, outcome: Outcome) -> None:
        self._tell(key, self._downloads.record(key, outcome))
        self._bar.update()

    def _give_up(self, host: str, reason: str) -> None:
        """Settle the rest of a host that has been silent too often: another run tries again."""
        self._silent[host] = self._silent.get(host, 0) + 1 if reason in _SILENT else 0
        if self._silent[host] < _GIVEN_UP:
            return
        for key, _ in self._waiting[host]:
            self._settle(key, Outcome(reason, time=_now()))
        self._waiting[host].clear()

    async def _settled(self, url: str) -> Outcome:
        reason = "fetch_timeout"
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._manners.seconds) as limit:
                for attempt in range(_ATTEMPTS):
                    try:
                        return await self._fetched(url, limit)
                    except FetchError as error:
                        reason = error.reason
                        wait = retry_after(error.headers.get("Retry-After"))
                    if wait:
                        self._pace.pause(spelling.host_of(url), wait)
                    pause = max(wait, _BACKOFF * 2**attempt * random.uniform(0.5, 1.5))
                    ends = limit.when() or 0.0
                    if reason not in _RETRIED or loop.time() + pause > ends:
                        break
                    if attempt + 1 < _ATTEMPTS:
                        await asyncio.sleep(pause)
        except TimeoutError:
            pass  # of an attempt after a failure the failure is told
        return Outcome(reason, time=_now())

    async def _fetched(self, url: str, limit: asyncio.Timeout) -> Outcome:
        async def before(here: URL) -> None:
            await self._allowed(here)
            loop = asyncio.get_running_loop()
            started, ends = loop.time(), limit.when() or 0.0
            # waiting for one's turn is no fault of the URL: it has its time after that
            limit.reschedule(None)
            try:
                await self._pace.turn(here.host or "")
            finally:
                limit.reschedule(ends + loop.time() - started)

        with self._downloads.new_file() as path:
            found = await one_url.fetch(self._client, url, path, limits.MAX_BYTES, before)
            if self._manners.robots and forbidden(found.headers.getall("X-Robots-Tag", [])):
                raise FetchError("robots")
            self._downloads.keep(path, found.sha256)
        return Outcome("", found.sha256, found.url, found.bytes, _now())

    async def _allowed(self, url: URL) -> None:
        """Raise FetchError where the site asks programs not to take ``url``."""
        if self._manners.robots:
            if not await self._robots.allows(url):
                raise FetchError("robots")
            if delay := await self._robots.delay(url):
                self._pace.slow_down(url.host or "", delay)

    async def _rules(self, url: URL) -> tuple[int, bytes]:
        async def before(here: URL) -> None:
            await self._pace.turn(here.host or "")

        try:
            async with asyncio.timeout(_RULES_SECONDS):
                return await one_url.first_bytes(self._client, str(url), MOST_BYTES, before)
        except TimeoutError:
            raise FetchError("fetch_timeout") from None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
