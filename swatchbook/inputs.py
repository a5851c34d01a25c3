"""Images as people name them on a command line: files, folders, patterns, archives, lists, URLs.

None of them has a label, and none is read before its turn.
"""

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

from swatchbook.download import Manners
from swatchbook.errors import DataError
from swatchbook.sources import archive, folder, url_list, urls
from swatchbook.sources.candidate import Candidate, unread
from swatchbook.sources.url_list import Row
from swatchbook.tables import as_text

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
        return Inputs(urls.fetched([Row("", argument)], manners), 1)
    path = Path(argument)
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except (OSError, ValueError) as error:
        raise DataError(f"{argument!r} is no path: {error}") from None
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
        found = sorted(filter(_is_file, glob.glob(argument, recursive=True)))  # noqa: PTH207
        if not found:
            raise DataError(f"{argument!r} matches no file")
        return Inputs(map(_file, found), len(found))
    if not path.exists():
        raise DataError(f"{argument!r} is no file, folder, archive, list, pattern or URL")
    return Inputs(iter([_file(argument)]), 1)


def _is_file(name: str) -> bool:
    return Path(name).is_file()


def _listed(location: str, manners: Manners) -> Inputs:
    text = url_list.text(Path(location))
    rows = [line.strip() for line in text if line.strip() and not line.startswith("#")]
    if not rows:
        raise DataError(f"{location}: names no image")
    if any(mark in rows[0] for mark in ("\t", ",")) and not Path(rows[0]).exists():
        labelled = url_list.read(location)
        return Inputs(urls.fetched(labelled, manners), len(labelled))
    return Inputs(_lines(iter(rows), manners), len(rows))


def _lines(lines: Iterator[str], manners: Manners) -> Iterator[Candidate]:
    """Candidates of paths as they come, and of URLs in between together, for they take time."""
    waiting: list[Row] = []
    for line in lines:
        if line.startswith(_SCHEMES):
            waiting.append(Row("", line))
            continue
        if waiting:
            yield from urls.fetched(waiting, manners)
            waiting = []
        yield _file(line)
    if waiting:
        yield from urls.fetched(waiting, manners)


def _entries(stream: BinaryIO) -> Iterator[str]:
    """Lines of a stream as soon as they are there; separated by NUL where one is in the first."""
    first = stream.readline()
    if b"\0" not in first:
        while first:
            if first.strip():
                yield os.fsdecode(first.rstrip(b"\r\n"))
            first = stream.readline()
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
