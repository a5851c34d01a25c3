"""Images that a list of URLs names, fetched once and kept in the machine's cache."""

import re
from collections.abc import Iterator
from functools import partial

from swatchbook import download, machine
from swatchbook.download import Downloads, Manners, Outcome
from swatchbook.sources import url_list
from swatchbook.sources.candidate import Candidate, Origin, unread
from swatchbook.sources.folder import read_limited
from swatchbook.sources.url_list import Row


def candidates(location: str, manners: Manners) -> Iterator[Candidate]:
    """One candidate for each row of the list, in its order, whatever became of its URL."""
    return fetched(url_list.read(location), manners)


def fetched(rows: list[Row], manners: Manners) -> Iterator[Candidate]:
    """One candidate for each row."""
    with download.opened(machine.cache_folder() / "downloads") as downloads:
        outcomes = downloads.fetch(dict.fromkeys(row.url for row in rows), manners)
        for row in rows:
            yield _candidate(row, outcomes[row.url], downloads)


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
