"""Where images come from. A source is text, ``KIND:LOCATION``; a kind is a module here."""

from collections.abc import Callable, Iterator

from swatchbook.download import Manners
from swatchbook.errors import ParamsError, did_you_mean
from swatchbook.sources import archive, folder, package, urls
from swatchbook.sources.candidate import Candidate

_MANNERS = Manners()

KINDS: dict[str, Callable[[str, Manners], Iterator[Candidate]]] = {
    "folder": lambda location, _: folder.candidates(location),
    "archive": lambda location, _: archive.candidates(location),
    "package": lambda location, _: package.candidates(location),
    "urls": urls.candidates,
}


def candidates(source: str, manners: Manners = _MANNERS) -> Iterator[Candidate]:
    """All candidates of ``source``; ``manners`` is for those that are fetched.

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
    return KINDS[kind](location, manners)
