"""Image search: items and attributes become queries, answers become a list of URLs.

The tutorial's way to a data set: 7 garments × 3 textures are 21 queries, the first 50 results of
each are taken, and the texture is the class.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tqdm import tqdm

from swatchbook.base import machine
from swatchbook.base.cache import Cache
from swatchbook.base.errors import ParamsError, did_you_mean
from swatchbook.search import client, licences
from swatchbook.search.brave import Brave
from swatchbook.search.commons import Commons
from swatchbook.search.openverse import Openverse
from swatchbook.search.provider import Provider, Result, SearchError
from swatchbook.search.results_folder import ResultsFolder

NAMES = ("openverse", "commons", "brave", "folder")
# a service that refuses so often in a row is not asked again in this run
_GIVEN_UP = 3


@dataclass(frozen=True)
class Wanted:
    """What to search for.

    Every item with every attribute is a query; an attribute is a class. ``most`` results of each
    query and service; ``licences`` are codes of ``licences.CODES``, none: any.
    """

    items: Sequence[str] = ()
    attributes: Sequence[str] = ()
    most: int = 50
    licences: Sequence[str] = ()

    def queries(self) -> list[tuple[str, str]]:
        """Each query's text and class: ``striped shirt`` is of class ``striped``."""
        return [
            (f"{attribute} {item}".strip(), attribute)
            for attribute in self.attributes
            for item in self.items or ("",)
        ]


@dataclass(frozen=True)
class Answer:
    """What one service found for one query: ``reason`` (of ``provider.REASONS``) where nothing.

    ``detail`` is what a person should know of it, beside results too.
    ``results`` are pairs of the rank that the service gave (from 1) and the result.
    """

    provider: str
    query: str
    label: str
    reason: str = ""
    detail: str = ""
    results: tuple[tuple[int, Result], ...] = ()


def providers(names: str) -> list[Provider]:
    """The services that ``acquire.source: search:…`` names, separated by commas.

    Raises:
        ParamsError: for a name that is not known, or a key that is missing.
    """
    return [_provider(name.strip()) for name in names.split(",")]


def _provider(text: str) -> Provider:
    name, _, location = text.partition("=")
    if name == "openverse" and not location:
        return Openverse()
    if name == "commons" and not location:
        return Commons()
    if name == "brave" and not location:
        return Brave(machine.brave_key())
    if name == "folder" and location:
        return ResultsFolder(_folder(location))
    if name in NAMES:
        form = "folder=PATH" if name == "folder" else f"{name!r} alone"
        raise ParamsError(f"acquire.source: search: {text!r} is not {form}; write it so")
    raise ParamsError(
        f"acquire.source: search: {name!r} is not known.{did_you_mean(name, NAMES)} "
        "Known: openverse, commons, brave, folder=PATH"
    )


def _folder(location: str) -> Path:
    try:
        return Path(location).expanduser()
    except RuntimeError as error:
        raise ParamsError(
            f"acquire.source: search: {location!r} is no path: {error}; name it anew"
        ) from None


def search(
    services: Sequence[Provider], wanted: Wanted, known: Cache, agent: str, refresh: bool
) -> list[Answer]:
    """Ask each service each query, politely; one answer each, whatever happened.

    Results are remembered in ``known``, so that a second run asks nothing, unless ``refresh``.

    Raises:
        ParamsError: where licences are asked for that a service doesn't tell.
    """
    for service in services:
        if wanted.licences and not service.tells_licences:
            raise ParamsError(
                f"acquire.licences: {service.name} doesn't tell licences; take it out of "
                "acquire.source, or allow any"
            )
    return asyncio.run(_search(services, wanted, known, agent, refresh))


async def _search(
    services: Sequence[Provider], wanted: Wanted, known: Cache, agent: str, refresh: bool
) -> list[Answer]:
    answers: list[Answer] = []
    queries = wanted.queries()
    bar = tqdm(
        total=len(queries) * len(services), unit="query", desc="searching",
        disable=not sys.stderr.isatty(),
    )  # fmt: skip
    with bar:
        for service in services:
            in_a_row, failure = 0, SearchError("")
            async with client.asking(agent, service.delay) as ask:
                for query, label in queries:
                    key = _key(service, query, wanted)
                    before = None if service.is_local else _remembered(known, key)
                    results = None if refresh else before
                    if results is None and in_a_row < _GIVEN_UP:
                        try:
                            found = await service.search(ask, query, wanted.most, wanted.licences)
                        except SearchError as error:
                            in_a_row, failure = in_a_row + 1, error
                        else:
                            in_a_row, results = 0, found
                            known.put({key: json.dumps([asdict(item) for item in found]).encode()})
                    why = f"{failure.reason}: {failure.detail}"
                    if results is not None:
                        told = _allowed(service, query, label, results, wanted)
                    elif before is not None:
                        # a refresh that fails takes nothing back
                        told = _allowed(service, query, label, before, wanted)
                        told = replace(told, detail=f"{why}; what was found before is kept")
                    else:
                        told = Answer(service.name, query, label, failure.reason, failure.detail)
                    answers.append(told)
                    bar.update()
    return answers


def _allowed(
    service: Provider, query: str, label: str, results: list[Result], wanted: Wanted
) -> Answer:
    allowed = tuple(
        (rank, result)
        for rank, result in enumerate(results, 1)
        if not wanted.licences or licences.code(result.licence) in wanted.licences
    )
    reason, detail = ("", "") if allowed else ("search_empty", f"{len(results)} results")
    return Answer(service.name, query, label, reason, detail, allowed)


def _key(service: Provider, query: str, wanted: Wanted) -> str:
    return json.dumps([repr(service), query, wanted.most, sorted(wanted.licences)])


def _remembered(known: Cache, key: str) -> list[Result] | None:
    value = known.get([key]).get(key)
    return None if value is None else [Result(**item) for item in json.loads(value)]
