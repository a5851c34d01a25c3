"""Images that a list of URLs names, fetched once and kept in the machine's cache."""

import contextlib
import re
from collections.abc import Generator, Iterator
from functools import partial

from swatchbook.acquisition.candidate import Candidate, Origin, unread
from swatchbook.acquisition.kinds import url_list
from swatchbook.acquisition.kinds.folder import read_limited
from swatchbook.acquisition.kinds.url_list import Row
from swatchbook.base import caches
from swatchbook.fetching import downloader
from swatchbook.fetching.downloader import Downloads, Outcome
from swatchbook.fetching.manners import Manners


def candidates(location: str, manners: Manners) -> Iterator[Candidate]:
    """One candidate for each row of the list, whatever became of its URL, as they come."""
    return fetched(url_list.read(location), manners)


def fetched(rows: list[Row], manners: Manners) -> Iterator[Candidate]:
    """One candidate for each row, as soon as its URL is fetched: others are fetched meanwhile."""
    with contextlib.closing(_settled(rows, manners)) as settled:
        for _, candidate in settled:
            yield candidate


def in_order(rows: list[Row], manners: Manners) -> Iterator[Candidate]:
    """As ``fetched``, in the order of ``rows``."""
    early: dict[int, Candidate] = {}
    following = 0
    with contextlib.closing(_settled(rows, manners)) as settled:
        for number, candidate in settled:
            early[number] = candidate
            while following in early:
                yield early.pop(following)
                following += 1


def _settled(rows: list[Row], manners: Manners) -> Generator[tuple[int, Candidate]]:
    numbers: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        numbers.setdefault(row.url, []).append(number)
    with (
        downloader.opened(caches.folder(caches.DOWNLOADS)) as downloads,
        contextlib.closing(downloads.each(numbers, manners)) as outcomes,
    ):
        for url, outcome in outcomes:
            for number in numbers[url]:
                yield number, _candidate(rows[number], outcome, downloads)


def _candidate(row: Row, outcome: Outcome, downloads: Downloads) -> Candidate:
    reason = outcome.reason
    if not reason and row.sha256 and row.sha256.lower() != outcome.sha256:
        reason = "hash_mismatch"
    shown = _without_password(row.url)
    origin = Origin(shown, outcome.url, row.licence, row.author, row.query, row.rank, outcome.time)
    read = partial(read_limited, downloads.path_of(outcome.sha256))
    return Candidate(
        shown, row.label, f"download|{outcome.sha256}", reason, unread if reason else read, origin
    )


def _without_password(url: str) -> str:
    return re.sub(r"(//)[^/?#]*@", r"\1", url, count=1)
