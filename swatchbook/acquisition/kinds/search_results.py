"""Images that a search finds: its results are a list of URLs, and go that list's way."""

import dataclasses
import sys
from collections.abc import Iterator

from swatchbook.acquisition.candidate import Candidate, Origin, check_label, unread
from swatchbook.acquisition.kinds import urls
from swatchbook.acquisition.kinds.url_list import Row
from swatchbook.base import caches, terminal
from swatchbook.base.errors import ParamsError
from swatchbook.fetching.manners import Manners
from swatchbook.search import Answer, Wanted, providers, search


def candidates(location: str, manners: Manners, wanted: Wanted) -> Iterator[Candidate]:
    """One candidate for each result, and one with a reason for each query without any."""
    services = providers(location)
    if not wanted.attributes:
        raise ParamsError(
            "acquire.attributes: [] names no class to search for; name some: [striped, dotted]"
        )
    classes = [check_label(text, "acquire.attributes: class") for text in wanted.attributes]
    wanted = dataclasses.replace(wanted, attributes=classes)
    with caches.opened(caches.SEARCHES) as known:
        answers = search(services, wanted, known, manners.agent, manners.refresh)
    for answer in answers:
        if answer.detail:
            words = f"{answer.reason} ({answer.detail})" if answer.reason else answer.detail
            print(terminal.plain(f"acquire: {_query(answer)}: {words}"), file=sys.stderr)
    failed = [answer for answer in answers if answer.reason]
    yield from urls.fetched([row for answer in answers for row in _rows(answer)], manners)
    for answer in failed:
        query = _query(answer)
        yield Candidate(query, answer.label, "", answer.reason, unread, Origin(query=query))


def _query(answer: Answer) -> str:
    return f"{answer.provider}: {answer.query}"


def _rows(answer: Answer) -> list[Row]:
    return [
        Row(
            answer.label, found.url, licence=found.licence, author=found.author,
            query=_query(answer), rank=str(rank),
        )
        for rank, found in answer.results
    ]  # fmt: skip
