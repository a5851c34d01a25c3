"""What a source yields: a file that may be an image, with its class."""

import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from swatchbook.base.errors import DataError, ImageRefused
from swatchbook.base.text import normal
from swatchbook.images import formats

_RESERVED = {
    "CON",
    "PRN",
    "AUX",
    "NUL",
    *(f"{port}{n}" for port in ("COM", "LPT") for n in "123456789"),
}
# files and folders of Windows, macOS and Synology (Icon is followed by a carriage return)
_SYSTEMS = {
    "__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "@eadir", "$recycle.bin",
    "system volume information",
}  # fmt: skip
_BESIDE_IMAGES = {".txt", ".json", ".xml", ".caption", ".yaml", ".yml"}
# why a file of a source isn't even looked at
REASONS = {
    "sidecar": "text beside an image of the same name (a caption, an annotation)",
    "no_files": "a class folder that holds no file",
    "not_listed": "an image that the table of labels doesn't name",
    "archive": "a zip or tar file inside the source: unpack it first",
}
# what says nothing against a source
NO_FAULT = ("sidecar", "no_files", "not_listed")


@dataclass(frozen=True)
class Origin:
    """Where a file from the web came from; columns of the manifest.

    ``url`` as it was listed, ``final_url`` after redirects, ``query`` and ``rank`` of the search
    that found it, ``fetched`` when (UTC).
    """

    url: str = ""
    final_url: str = ""
    licence: str = ""
    author: str = ""
    query: str = ""
    rank: str = ""
    fetched: str = ""


@dataclass(frozen=True)
class Candidate:
    """A file of a source.

    ``name`` is its path inside the source as text, ``stamp`` changes when the file may have
    changed (empty: always read it), ``reason`` says why it can't be read (empty: it can),
    ``part`` which part of a split it is in, where the source says so.
    """

    name: str
    label: str
    stamp: str
    reason: str
    read: Callable[[], bytes]
    origin: Origin = Origin()
    part: str = ""

    def content(self) -> bytes:
        """Its bytes. Raises ImageRefused where it has a reason, or can't be read."""
        if self.reason:
            raise ImageRefused(self.reason)
        return self.read()


def located(location: str) -> Path:
    """The absolute path of a source. Raises DataError where it can't be one, or isn't there."""
    try:
        path = Path(location).expanduser()
        found = path.resolve()
        is_there = found.exists()
    except PermissionError:
        return found  # who reads it says what is wrong
    except (RuntimeError, ValueError, OSError) as error:
        raise DataError(f"acquire.source: {location!r} is no path: {error}; name it anew") from None
    if not is_there:
        here = f" in {Path.cwd()}" if not path.is_absolute() else ""
        raise DataError(
            f"acquire.source: {location!r} is not there{here}; name a folder or file by its whole "
            "path, which holds in a copy of the project too (dvc exp run --temp)"
        )
    return found


def unread() -> bytes:
    """The ``read`` of a candidate that has a reason."""
    return b""


def is_hidden(name: PurePosixPath) -> bool:
    """Whether a system put it there, not a person (.DS_Store, ._photo.jpg, Thumbs.db)."""
    return any(part.startswith(".") or part.casefold() in _SYSTEMS for part in name.parts)


def sidecars(names: Collection[PurePosixPath]) -> set[PurePosixPath]:
    """Files of text that stand beside an image of the same name: captions, annotations."""
    images = {name.with_suffix("") for name in names if name.suffix.lower() in formats.SUFFIXES}
    return {
        name
        for name in names
        if name.suffix.lower() in _BESIDE_IMAGES and name.with_suffix("") in images
    }


def check_label(text: str, where: str) -> str:
    """A class name in Unicode normal form C.

    Raises:
        DataError: where it can't be the name of a class everywhere; ``where`` says whose it is.
    """
    label = normal(text)
    if (
        label.upper() in _RESERVED
        or label in ("", ".", "..")
        or any(letter in "/\\" or unicodedata.category(letter) == "Cc" for letter in label)
    ):
        raise DataError(f"{where} {text!r}: not a name that all systems allow; rename its folder")
    return label


def check_alike(labels: set[str]) -> None:
    """Raise DataError where two class names differ in case or spaces only."""
    seen: dict[str, str] = {}
    for label in sorted(labels):
        other = seen.setdefault(" ".join(label.casefold().split()), label)
        if other != label:
            spaces = other.casefold() != label.casefold()
            raise DataError(
                f"class folders {other!r} and {label!r} differ in {'spaces' if spaces else 'case'} "
                "only: rename or merge them"
            )
