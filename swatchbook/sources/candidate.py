"""What a source yields: a file that may be an image, with its class."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from swatchbook import images
from swatchbook.errors import DataError

_RESERVED = {
    "CON",
    "PRN",
    "AUX",
    "NUL",
    *(f"{port}{n}" for port in ("COM", "LPT") for n in "123456789"),
}


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
    changed (empty: always read it), ``reason`` says why it can't be read (empty: it can).
    """

    name: str
    label: str
    stamp: str
    reason: str
    read: Callable[[], bytes]
    origin: Origin = Origin()


def located(location: str) -> Path:
    """The absolute path of a source. Raises DataError where it can't be one."""
    try:
        return Path(location).expanduser().resolve()
    except (RuntimeError, ValueError, OSError) as error:
        raise DataError(f"acquire.source: {location!r} is no path: {error}") from None


def unread() -> bytes:
    """The ``read`` of a candidate that has a reason."""
    return b""


def is_hidden(name: PurePosixPath) -> bool:
    """Whether a system put it there, not a person (.DS_Store, ._photo.jpg, __MACOSX)."""
    return any(part.startswith(".") or part == "__MACOSX" for part in name.parts)


def wrapper_depth(names: list[PurePosixPath]) -> int:
    """How many outer folders hold all images and only folders: not classes, just wrapping."""
    names = [name for name in names if name.suffix.lower() in images.SUFFIXES] or names
    depth = 0
    while names and all(len(name.parts) > depth + 2 for name in names):
        if len({name.parts[depth] for name in names}) > 1:
            break
        depth += 1
    return depth


def label_of(name: PurePosixPath, depth: int = 0) -> str:
    """The class: the folder at ``depth``, in Unicode normal form C; empty where there is none.

    Raises:
        DataError: where the folder's name can't be a class name everywhere.
    """
    if depth < 0 or len(name.parts) < depth + 2:
        return ""
    return check_label(name.parts[depth], "class folder")


def check_label(text: str, where: str) -> str:
    """A class name in Unicode normal form C.

    Raises:
        DataError: where it can't be the name of a class everywhere; ``where`` says whose it is.
    """
    label = unicodedata.normalize("NFC", text)
    if (
        label.upper() in _RESERVED
        or label in ("", ".", "..")
        or any(letter in "/\\" or unicodedata.category(letter) == "Cc" for letter in label)
    ):
        raise DataError(f"{where} {text!r}: not a name that all systems allow")
    return label


def check_case(labels: set[str]) -> None:
    """Raise DataError where two class names differ in case only."""
    seen: dict[str, str] = {}
    for label in sorted(labels):
        other = seen.setdefault(label.casefold(), label)
        if other != label:
            raise DataError(
                f"class folders {other!r} and {label!r} differ in case only: rename or merge them"
            )
