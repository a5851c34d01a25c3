"""Where images come from. A source is text, ``KIND:LOCATION``; a kind is a module here."""

from collections.abc import Callable, Iterator

from swatchbook.download import Manners
from swatchbook.errors import ParamsError, did_you_mean
from swatchbook.search import Wanted
from swatchbook.sources import archive, folder, package, search, urls
from swatchbook.sources.candidate import Candidate

_MANNERS, _WANTED = Manners(), Wanted()

KINDS: dict[str, Callable[[str, Manners, Wanted], Iterator[Candidate]]] = {
    "folder": lambda location, _, __: folder.candidates(location),
    "archive": lambda location, _, __: archive.candidates(location),
    "package": lambda location, _, __: package.candidates(location),
    "urls": lambda location, manners, _: urls.candidates(location, manners),
    "search": search.candidates,
}


def candidates(
    source: str, manners: Manners = _MANNERS, wanted: Wanted = _WANTED
) -> Iterator[Candidate]:
    """All candidates of ``source``.

    ``manners`` is for those that are fetched, ``wanted`` for those that are searched for.

    Raises:
        ParamsError: for an unknown kind.
        DataError: where the location can't be read, or a class name can't be used.
    """
    kind, _, location = source.partition(":")
    if kind not in KINDS:
        raise ParamsError(
            f"acquire.source: kind {kind!r} is not known.{did_you_mean(kind, KINDS)} "
            f"Known: {', '.join(KINDS)}"
        )
    return KINDS[kind](location, manners, wanted)
