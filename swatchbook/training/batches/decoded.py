"""Images decoded once: rows of a memory-mapped file in the machine's cache, found by digest.

An epoch then costs no decoding, and neither does the next experiment at the same size. A folder
holds the images of one size: ``pixels`` (rows of side × side × 3 bytes) and ``rows.sqlite``
(digest to row and checksum). A row is listed only after its pixels are on disk, so a killed
writer leaves nothing wrong behind.
"""

import contextlib
import hashlib
import math
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from swatchbook.base import caches, files, machine
from swatchbook.base.cache import Cache
from swatchbook.base.errors import BusyError, ImageRefused
from swatchbook.images import decoding, store
from swatchbook.images.frame import Frame

_AT_ONCE = 256


@dataclass(frozen=True)
class Decoded:
    """Decoded images by digest: ``get`` gives ``(side, side, 3) uint8``.

    ``unreadable`` has the reason of each image that can't be decoded.
    """

    paths: dict[str, Path]
    frame: Frame
    rows: dict[str, int]
    pixels: np.ndarray
    unreadable: dict[str, str]

    def get(self, sha256: str) -> np.ndarray:
        """The pixels of an image; decoded now where the cache has no room for it."""
        row = self.rows.get(sha256)
        if row is None:
            return store.pixels(sha256, self.paths[sha256], self.frame)
        found: np.ndarray = self.pixels[row]
        return found


def decode(paths: dict[str, Path], frame: Frame, workers: int) -> Decoded:
    """Decode the images at ``paths`` (by digest) that the cache lacks.

    Where the cache would grow over its bound, sizes not used lately are removed; images that
    have no room even then are decoded whenever they are asked for.
    """
    home = caches.folder(caches.DECODED)
    folder = home / f"{frame.name}-v{decoding.DOOR_VERSION}"
    size = math.prod(frame.shape)
    with _locked(folder, wait=True):
        with Cache(folder / "rows.sqlite") as index:
            missing = len(paths) - len(index.get(paths))
        _make_room(home, folder, missing * size, len(paths) * size)
        with Cache(folder / "rows.sqlite") as index:
            most = machine.decoded_bytes() // size
            rows, unreadable = _fill(folder, index, paths, frame, workers, most)
        os.utime(folder)
    pixels = np.zeros((0, *frame.shape), np.uint8)
    if rows:
        shape = (max(rows.values()) + 1, *frame.shape)
        pixels = np.memmap(folder / "pixels", np.uint8, mode="r", shape=shape)
    return Decoded(paths, frame, rows, pixels, unreadable)


def verify(folder: Path) -> tuple[int, int]:
    """How many images of a folder of one size are right and how many damaged.

    Where one is damaged, the folder is removed: it is decoded again when it is needed.
    """
    side = int(folder.name.partition("-")[0])
    size = side * side * 3
    with _locked(folder, wait=True):
        with Cache(folder / "rows.sqlite") as index:
            _, damaged = index.verify()
            rows = [value.split() for _, value in index.items()]
        right = 0
        with (folder / "pixels").open("rb") as file:
            for row, checksum in rows:
                file.seek(int(row) * size)
                right += _checksum(file.read(size)) == checksum.decode()
        damaged += len(rows) - right
        if damaged:
            shutil.rmtree(folder)
    return right, damaged


def _checksum(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _fill(
    folder: Path,
    index: Cache,
    paths: dict[str, Path],
    frame: Frame,
    workers: int,
    most: int,
) -> tuple[dict[str, int], dict[str, str]]:
    """Decode what is missing; return the rows of those that are stored, and what can't be read."""
    rows = {key: int(value.split()[0]) for key, value in index.get(paths).items()}
    missing = [sha256 for sha256 in paths if sha256 not in rows]
    unreadable: dict[str, str] = {}

    def pixels_of(sha256: str) -> np.ndarray | None:
        try:
            return store.pixels(sha256, paths[sha256], frame)
        except ImageRefused as error:
            unreadable[sha256] = error.reason
            return None

    # after the last one that is listed: a damaged entry leaves a gap, never a row of two images
    stored = max((int(value.split()[0]) for _, value in index.items()), default=-1) + 1
    bar = tqdm(
        total=len(paths), initial=len(rows), unit="image", desc=f"decoding at {frame.side} px",
        disable=not sys.stderr.isatty(),
    )  # fmt: skip
    with bar, ThreadPoolExecutor(workers) as pool, (folder / "pixels").open("ab") as file:
        # rows that a killed writer left unlisted are written over
        file.truncate(stored * math.prod(frame.shape))
        for start in range(0, len(missing), _AT_ONCE):
            some = missing[start : start + _AT_ONCE]
            new: dict[str, tuple[int, str]] = {}
            for sha256, pixels in zip(some, pool.map(pixels_of, some), strict=True):
                if pixels is not None and stored < most:
                    content = pixels.tobytes()
                    file.write(content)
                    new[sha256] = stored, _checksum(content)
                    stored += 1
            file.flush()
            os.fsync(file.fileno())
            index.put({sha256: f"{row} {sum_}".encode() for sha256, (row, sum_) in new.items()})
            rows |= {sha256: row for sha256, (row, _) in new.items()}
            bar.update(len(some))
    return rows, unreadable


def _make_room(home: Path, own: Path, missing: int, needed: int) -> None:
    """Remove folders of other sizes, longest unused first, while all is over the bound.

    Where this size alone is too much, what other data sets left in it goes too. ``missing`` and
    ``needed`` are bytes.
    """
    most = machine.decoded_bytes()
    others = sorted(
        (folder for folder in home.glob("*/") if folder != own), key=lambda f: f.stat().st_mtime
    )
    for folder in others:
        if sum(map(_size, others)) + _size(own) + missing <= most:
            break
        with contextlib.suppress(BusyError), _locked(folder, wait=False):
            shutil.rmtree(folder)
    if _size(own) + missing > most >= needed:
        shutil.rmtree(own, ignore_errors=True)


def _size(folder: Path) -> int:
    pixels = folder / "pixels"
    return pixels.stat().st_size if pixels.is_file() else 0


def _locked(folder: Path, wait: bool) -> contextlib.AbstractContextManager[None]:
    # not inside the folder, which another process may remove
    lock = machine.lock(f"decoded-{folder.name}")
    return files.locked(lock, "refine_dnn: decoded images are in use", wait)
