"""Images as people name them on a command line: files, folders, patterns, archives, lists, URLs.

None of them has a label, and none is read before its turn.
"""

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from swatchbook.acquisition.candidate import Candidate, unread
from swatchbook.acquisition.kinds import archive, folder, url_list
from swatchbook.acquisition.kinds.url_list import Row
from swatchbook.base import lists
from swatchbook.base.errors import DataError
from swatchbook.base.text import as_text
from swatchbook.fetching.manners import Manners
from swatchbook.prediction import image_lists

# files that are lists of images, one a line
_LISTS = (".txt", ".lst", ".csv", ".tsv")
_SCHEMES = ("http://", "https://")


@dataclass(frozen=True)
class Inputs:
    """Images to come, and how many they are; None: nobody knows before the end."""

    candidates: Iterator[Candidate]
    total: int | None


def gathered(arguments: Sequence[str], stdin: BinaryIO, manners: Manners) -> Inputs:
    """The images that ``arguments`` name, in their order; ``-`` is a list on ``stdin``.

    A list has one path or URL a line (or NUL-separated), or the rows of ``acquire``'s lists.
    What a line names and isn't there is refused as ``vanished``; an argument is an error.

    Raises:
        DataError: where an argument names nothing, or an archive or a list can't be read.
    """
    parts = [_named(argument, stdin, manners) for argument in arguments]
    totals = [part.total for part in parts]
    return Inputs(
        (item for part in parts for item in _renamed(part.candidates)),
        None if None in totals else sum(total for total in totals if total is not None),
    )


def _named(argument: str, stdin: BinaryIO, manners: Manners) -> Inputs:
    if argument == "-":
        return Inputs(_lines(_entries(stdin), manners), None)
    if argument.startswith(_SCHEMES):
        return Inputs(_fetched([Row("", argument)], manners), 1)
    path = Path(argument)
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except (OSError, ValueError) as error:
        raise DataError(f"{argument!r} is no path: {error}; name it anew") from None
    if is_folder:
        return Inputs(folder.unlabelled(argument), sum(len(names) for *_, names in os.walk(path)))
    if is_file and path.suffix.lower() in _LISTS:
        return _listed(argument, manners)
    if is_file and archive.is_archive(path):
        # several archives may have members of one name
        members = archive.candidates(argument, labelled=False)
        return Inputs((replace(one, name=f"{argument}/{one.name}") for one in members), None)
    if not path.exists() and glob.has_magic(argument):
        # Path.glob takes no absolute patterns
        found = sorted(filter(_is_file, glob.glob(_pattern(argument), recursive=True)))  # noqa: PTH207
        if not found:
            raise DataError(
                f"{argument!r} matches no file; put it in quotes, and ** for all folders below"
            )
        return Inputs(map(_file, found), len(found))
    if not path.exists():
        raise DataError(
            f"{argument!r} is no file, folder, archive, list, pattern or URL; "
            "is it named as from here?"
        )
    return Inputs(iter([_file(argument)]), 1)


def _pattern(argument: str) -> str:
    """``argument`` with the names of folders that are there taken as they are: ``dir[2]/*.jpg``."""
    path = Path(argument)
    there = next(folder for folder in path.parents if folder.is_dir())
    return str(Path(glob.escape(str(there))) / path.relative_to(there))


def _is_file(name: str) -> bool:
    return Path(name).is_file()


def _listed(location: str, manners: Manners) -> Inputs:
    lines = lists.lines_of(Path(location))
    rows = list(image_lists.entries(lines, location))
    if not rows:
        raise DataError(f"{location}: names no image; write one a line")
    if any(mark in rows[0] for mark in "\t,;") and "://" in rows[0] and not _begins_url(rows[0]):
        labelled = url_list.read(location)
        return Inputs(_fetched(labelled, manners), len(labelled))
    return Inputs(_lines(iter(rows), manners), len(rows))


def _begins_url(line: str) -> bool:
    return line.startswith(_SCHEMES)


def _lines(lines: Iterator[str], manners: Manners) -> Iterator[Candidate]:
    """Candidates of paths as they come, and of URLs in between together, for they take time."""
    waiting: list[Row] = []
    for line in lines:
        if line.startswith(_SCHEMES):
            waiting.append(Row("", line))
            continue
        if waiting:
            yield from _fetched(waiting, manners)
            waiting = []
        yield _file(line)
    if waiting:
        yield from _fetched(waiting, manners)


def _entries(stream: BinaryIO) -> Iterator[str]:
    """Lines of a stream as soon as they are there; separated by NUL where one is in the first."""
    first = stream.readline()
    if b"\0" not in first:
        lines = (os.fsdecode(line.rstrip(b"\r\n")) for line in chain([first], stream))
        yield from image_lists.entries(lines, "the list")
        return
    rest = first
    while True:
        *whole, rest = rest.split(b"\0")
        yield from (os.fsdecode(name) for name in whole if name)
        if not (more := stream.read(65_536)):
            break
        rest += more
    if rest:
        yield os.fsdecode(rest)


def _file(name: str) -> Candidate:
    path, shown = Path(name), as_text(os.fsencode(name))
    if path.is_file():
        return Candidate(shown, "", "", "", partial(folder.read_limited, path))
    return Candidate(shown, "", "", "not_a_file" if path.exists() else "vanished", unread)


def _renamed(candidates: Iterator[Candidate]) -> Iterator[Candidate]:
    # a source says of itself that it is one; here nobody has set acquire.source
    try:
        yield from candidates
    except DataError as error:
        raise DataError(str(error).removeprefix("acquire.source: ")) from None


def _fetched(rows: list[Row], manners: Manners) -> Iterator[Candidate]:
    # the client of the web is for those who need it
    from swatchbook.acquisition.kinds import urls

    return urls.in_order(rows, manners)
