"""Images that a search finds: its results are a list of URLs, and go that list's way."""

import dataclasses
import sys
from collections.abc import Iterator

from swatchbook import machine, terminal
from swatchbook.cache import Cache
from swatchbook.download import Manners
from swatchbook.errors import ParamsError
from swatchbook.search import Answer, Wanted, providers, search
from swatchbook.sources import urls
from swatchbook.sources.candidate import Candidate, Origin, check_label, unread
from swatchbook.sources.url_list import Row


def candidates(location: str, manners: Manners, wanted: Wanted) -> Iterator[Candidate]:
    """One candidate for each result, and one with a reason for each query without any."""
    services = providers(location)
    if not wanted.attributes:
        raise ParamsError("acquire.attributes: [] names no class to search for")
    classes = [check_label(text, "acquire.attributes: class") for text in wanted.attributes]
    wanted = dataclasses.replace(wanted, attributes=classes)
    with Cache(machine.cache_folder() / "searches.sqlite") as known:
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
