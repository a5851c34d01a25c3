"""A folder with one sub-folder per class, files at any depth below it."""

import os
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from swatchbook.acquisition import layout
from swatchbook.acquisition.candidate import (
    Candidate,
    is_hidden,
    located,
    sidecars,
    unread,
)
from swatchbook.acquisition.layout import Kind, Layout
from swatchbook.base.errors import DataError, ImageRefused
from swatchbook.base.text import as_text
from swatchbook.images import limits
from swatchbook.project.parts import TRAIN


def candidates(location: str, kind: Kind = "auto") -> Iterator[Candidate]:
    """Every file of the folder, sorted by name, then class folders without any.

    Hidden files are left out. Links are followed to files inside the folder only; pipes and
    devices are never opened.
    """
    return (candidate for _, candidate in listed(location, kind))


def listed(location: str, kind: Kind = "auto") -> Iterator[tuple[Path, Candidate]]:
    """Every candidate of the folder with its path: a name may be no path, where it is no UTF-8."""
    root = located(location)
    if not is_folder(root):
        raise DataError(
            f"acquire.source: {location!r} is not a folder; an archive is archive:PATH, "
            "a CSV table:PATH"
        )
    folders: list[Path] = []
    paths = sorted(_walk(root, folders))
    named = {path: PurePosixPath(as_text(os.fsencode(path.relative_to(root)))) for path in paths}
    seen = {path: name for path, name in named.items() if not is_hidden(name)}
    found = layout.of(seen.values(), kind)
    beside = sidecars(set(seen.values()))
    for path, name in seen.items():
        yield path, _candidate(root, path, name, found, "sidecar" if name in beside else "")
    inner = [PurePosixPath(as_text(os.fsencode(path.relative_to(root)))) for path in folders]
    for empty in found.without_files(inner, seen.values()):
        yield root / empty.name, empty


def class_folders(location: str, kind: Kind = "auto") -> tuple[Path, dict[str, Path]]:
    """Where new images belong: the folder in which a new class folder is made (of a split: its
    training part), and the class folders that are there, by class. Raises DataError."""
    root = located(location)
    names = {
        path: PurePosixPath(as_text(os.fsencode(path.relative_to(root))))
        for path in _walk(root, [])
    }
    seen = {path: name for path, name in names.items() if not is_hidden(name)}
    found = layout.of(seen.values(), kind)
    base, folders = root, {}
    for path, name in seen.items():
        label, part = found.label(name), found.part(name)
        if label and part in ("", TRAIN):
            folders[label] = path.parents[len(name.parts) - 2 - found.depth]
            base = folders[label].parent
    return base, folders


def is_folder(path: Path) -> bool:
    """Whether it is a folder. Raises DataError where nobody may look."""
    try:
        return path.is_dir()
    except OSError as error:
        raise _unlisted(error) from None


def unlabelled(location: str) -> Iterator[Candidate]:
    """Every file of a folder, whatever its folders are called, in the order of their names.

    One folder's names at a time are in memory. The rules for links and special files are those
    of ``candidates``; ``name`` is the file's path as it was given.
    """
    root = located(location)
    for folder, subfolders, files in os.walk(root, onerror=_refuse, followlinks=False):
        here = Path(folder)
        links = [name for name in subfolders if (here / name).is_symlink()]
        subfolders[:] = sorted(name for name in subfolders if not is_hidden(PurePosixPath(name)))
        for name in sorted(files + links):
            if not is_hidden(PurePosixPath(name)):
                path = here / name
                shown = as_text(os.fsencode(Path(location) / path.relative_to(root)))
                reason, _ = _refusal(root, path)
                yield Candidate(shown, "", "", reason, partial(read_limited, path))


def stamp_of(path: Path, facts: os.stat_result) -> str:
    """What changes when a file may have changed."""
    return f"{os.fsencode(path).hex()}|{facts.st_size}|{facts.st_mtime_ns}|{facts.st_ino}"


def read_limited(path: Path) -> bytes:
    """The bytes of a file, refused as ``too_large`` without being read past the limit."""
    try:
        with path.open("rb") as file:
            return limits.read(file)
    except FileNotFoundError:
        raise ImageRefused("vanished") from None
    except OSError as error:
        raise ImageRefused("unreadable", str(error)) from None


def _walk(root: Path, folders: list[Path]) -> Iterator[Path]:
    for folder, subfolders, files in os.walk(root, onerror=_refuse, followlinks=False):
        here = Path(folder)
        folders.append(here)
        yield from (here / name for name in files)
        # a linked folder is listed as one entry, not entered: a loop ends here
        yield from (here / name for name in subfolders if (here / name).is_symlink())


def _refuse(error: OSError) -> None:
    raise _unlisted(error)


def _unlisted(error: OSError) -> DataError:
    # what stands in it would be missing without a word
    return DataError(
        f"acquire.source: folder {error.filename!r} can't be listed: {error.strerror}; let this "
        "user read it (chmod u+rx), or move it out of the source"
    )


def _candidate(
    root: Path, path: Path, name: PurePosixPath, found: Layout, refused: str
) -> Candidate:
    label = found.label(name)
    reason, facts = _refusal(root, path)
    reason = refused or reason
    if facts is None:
        return Candidate(str(name), label, "", reason, unread)
    if reason in ("", "too_large") and not label:
        reason = "no_class"
    read = partial(read_limited, path)
    return Candidate(
        str(name),
        label,
        stamp_of(path, facts),
        reason,
        read,
        part=found.part(name) if label else "",
    )


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
    return limits.refusal_of_size(facts.st_size), facts
