"""The store of images: each file once, under its digest, never changed."""

from collections.abc import Collection
from pathlib import Path

import numpy as np

from swatchbook.base import files
from swatchbook.base.errors import ImageRefused
from swatchbook.images import decoding
from swatchbook.images.frame import Frame

FOLDER = Path("data/images")


def path_of(sha256: str, extension: str) -> Path:
    """Where an image stands: in a folder of its first two hexadecimal digits."""
    return FOLDER / sha256[:2] / f"{sha256}.{extension}"


def add(data: bytes, sha256: str, extension: str) -> Path:
    """Store an image unless it is there already; return its path."""
    path = path_of(sha256, extension)
    # written through a rename, so a file of the right length is whole
    if not path.is_file() or path.stat().st_size != len(data):
        files.write_bytes(path, data)
    return path


def prune(keep: Collection[str]) -> int:
    """Remove every file but the paths in ``keep``; return how many went."""
    kept = set(keep)
    gone = 0
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file() and path.as_posix() not in kept:
            path.unlink()
            gone += 1
    for folder in FOLDER.glob("*/"):
        if not any(folder.iterdir()):
            folder.rmdir()
    return gone


def content(sha256: str, path: Path) -> bytes:
    """The bytes of a stored image, after checking that they are still its own.

    Raises:
        ImageRefused: ``vanished``, ``changed`` or ``unreadable``.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ImageRefused("vanished") from None
    except OSError as error:
        raise ImageRefused("unreadable", str(error)) from None
    if files.digest(data) != sha256:
        raise ImageRefused("changed")
    return data


def pixels(sha256: str, path: Path, frame: Frame) -> np.ndarray:
    """Pixels of a stored image for a network.

    Raises:
        ImageRefused: as ``content``, or what the door says.
    """
    return decoding.decode(content(sha256, path), frame)
