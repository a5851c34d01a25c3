"""Where images come from. A source is text, ``KIND:LOCATION``; a kind is a module here."""

from collections.abc import Callable, Iterator

from swatchbook.errors import ParamsError, did_you_mean
from swatchbook.sources import archive, folder, package
from swatchbook.sources.candidate import Candidate

KINDS: dict[str, Callable[[str], Iterator[Candidate]]] = {
    "folder": folder.candidates,
    "archive": archive.candidates,
    "package": package.candidates,
}


def candidates(source: str) -> Iterator[Candidate]:
    """All candidates of ``source``, sorted by name.

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
    return KINDS[kind](location)
