"""A folder with one sub-folder per class, files at any depth below it."""

import os
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from swatchbook import images
from swatchbook.errors import DataError, ImageRefused
from swatchbook.sources.candidate import (
    Candidate,
    is_hidden,
    label_of,
    located,
    unread,
    wrapper_depth,
)
from swatchbook.tables import as_text


def candidates(location: str) -> Iterator[Candidate]:
    """Every file of the folder, sorted by name; hidden files are left out.

    Links are followed to files inside the folder only; pipes and devices are never opened.
    """
    return (candidate for _, candidate in listed(location))


def listed(location: str) -> Iterator[tuple[Path, Candidate]]:
    """Every candidate of the folder with its path: a name may be no path, where it is no UTF-8."""
    root = located(location)
    if not root.is_dir():
        raise DataError(f"acquire.source: {location!r} is not a folder")
    paths = sorted(_walk(root))
    names = [PurePosixPath(as_text(os.fsencode(path.relative_to(root)))) for path in paths]
    seen = [(path, name) for path, name in zip(paths, names, strict=True) if not is_hidden(name)]
    depth = wrapper_depth([name for _, name in seen])
    for path, name in seen:
        yield path, _candidate(root, path, name, depth)


def unlabelled(location: str) -> Iterator[Candidate]:
    """Every file of a folder, whatever its folders are called, in the order of their names.

    One folder's names at a time are in memory. The rules for links and special files are those
    of ``candidates``; ``name`` is the file's path as it was given.
    """
    root = located(location)
    for folder, subfolders, files in os.walk(root, followlinks=False):
        here = Path(folder)
        links = [name for name in subfolders if (here / name).is_symlink()]
        subfolders[:] = sorted(name for name in subfolders if not is_hidden(PurePosixPath(name)))
        for name in sorted(files + links):
            if not is_hidden(PurePosixPath(name)):
                path = here / name
                shown = as_text(os.fsencode(Path(location) / path.relative_to(root)))
                reason, _ = _refusal(root, path)
                yield Candidate(shown, "", "", reason, partial(read_limited, path))


def read_limited(path: Path) -> bytes:
    """The bytes of a file, refused as ``too_large`` without being read past the limit."""
    try:
        with path.open("rb") as file:
            return file.read(images.MAX_BYTES + 1)
    except FileNotFoundError:
        raise ImageRefused("vanished") from None
    except OSError as error:
        raise ImageRefused("unreadable", str(error)) from None


def _walk(root: Path) -> Iterator[Path]:
    for folder, subfolders, files in os.walk(root, followlinks=False):
        here = Path(folder)
        yield from (here / name for name in files)
        # a linked folder is listed as one entry, not entered: a loop ends here
        yield from (here / name for name in subfolders if (here / name).is_symlink())


def _candidate(root: Path, path: Path, name: PurePosixPath, depth: int) -> Candidate:
    label = label_of(name, depth)
    reason, facts = _refusal(root, path)
    if facts is None:
        return Candidate(str(name), label, "", reason, unread)
    if reason in ("", "too_large") and not label:
        reason = "no_class"
    stamp = f"{os.fsencode(path).hex()}|{facts.st_size}|{facts.st_mtime_ns}|{facts.st_ino}"
    return Candidate(str(name), label, stamp, reason, partial(read_limited, path))


def _refusal(root: Path, path: Path) -> tuple[str, os.stat_result | None]:
    """Why a file of the folder ``root`` is not opened (empty: it is), and its facts."""
    try:
        # resolved first: stat alone would follow a link out of the folder
        inside = path.resolve().is_relative_to(root)
        facts = path.stat()
    except (OSError, RuntimeError):  # a dangling link, or one to itself
        return "vanished", None
    if not inside:
        return "escape", facts
    if not stat.S_ISREG(facts.st_mode):
        return "not_a_file", facts
    return ("too_large" if facts.st_size > images.MAX_BYTES else ""), facts
