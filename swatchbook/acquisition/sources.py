"""Where images come from. A source is text, ``KIND:LOCATION``; a kind is a module here."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from swatchbook.acquisition.candidate import Candidate
from swatchbook.acquisition.kinds import archive, folder, label_table, package, search_results, urls
from swatchbook.acquisition.kinds.label_table import Columns
from swatchbook.acquisition.layout import Kind
from swatchbook.base.errors import ParamsError, did_you_mean
from swatchbook.fetching.manners import Manners
from swatchbook.search import Wanted


@dataclass(frozen=True)
class How:
    """How a source is read: its ``layout`` of folders, the ``columns`` of a table of labels, the
    ``manners`` of what is fetched, and what is ``wanted`` of a search."""

    layout: Kind = "auto"
    columns: Columns = field(default_factory=Columns)
    manners: Manners = field(default_factory=Manners)
    wanted: Wanted = field(default_factory=Wanted)


_AS_IT_COMES = How()
KINDS: dict[str, Callable[[str, How], Iterator[Candidate]]] = {
    "folder": lambda location, how: folder.candidates(location, how.layout),
    "archive": lambda location, how: archive.candidates(location, how.layout),
    "package": lambda location, _: package.candidates(location),
    "table": lambda location, how: label_table.candidates(location, how.columns),
    "urls": lambda location, how: urls.candidates(location, how.manners),
    "search": lambda location, how: search_results.candidates(location, how.manners, how.wanted),
}


def candidates(source: str, how: How = _AS_IT_COMES) -> Iterator[Candidate]:
    """All candidates of ``source``.

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
    return KINDS[kind](location, how)
