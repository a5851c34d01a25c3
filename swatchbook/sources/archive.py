"""A zip or tar file of a folder with one sub-folder per class. Nothing is unpacked to disk."""

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TypeVar

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

_Entry = TypeVar("_Entry", zipfile.ZipInfo, tarfile.TarInfo)
_READ_ERRORS = (
    OSError, EOFError, RuntimeError, NotImplementedError, ValueError,
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError,
)  # fmt: skip


def is_archive(path: Path) -> bool:
    """Whether a file is a zip or tar file, by its content."""
    return zipfile.is_zipfile(path) or _is_tar(path)


def candidates(location: str, labelled: bool = True) -> Iterator[Candidate]:
    """Every file of the archive; links and special files are refused.

    ``labelled``: whether its folders are classes, or of no meaning.

    Raises:
        DataError: where it is no archive, or a damaged one: what stands behind the damage
            can't be listed, and must not be lost in silence.
    """
    path = located(location)
    if not path.is_file():
        raise DataError(f"acquire.source: {location!r} is not a file")
    if zipfile.is_zipfile(path):
        yield from _zip(path, labelled)
    elif _is_tar(path):
        yield from _tar(path, labelled)
    else:
        raise DataError(f"acquire.source: {location!r} is neither a zip nor a tar file")


def _zip(path: Path, labelled: bool) -> Iterator[Candidate]:
    try:
        archive = zipfile.ZipFile(path)
    except _READ_ERRORS as error:
        raise _damaged(path, error) from None
    with archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        for entry, (name, label, reason) in _judged(
            entries, [e.filename for e in entries], labelled
        ):
            reason = reason or ("too_large" if entry.file_size > images.MAX_BYTES else "")
            stamp = f"{path}|{entry.CRC}|{entry.file_size}|{entry.header_offset}|{name}"
            read = unread if reason else partial(_read_zip, archive, entry)
            yield Candidate(name, label, stamp, reason, read)


def _tar(path: Path, labelled: bool) -> Iterator[Candidate]:
    facts = path.stat()
    with tarfile.open(path) as archive:
        try:
            entries = [entry for entry in archive if not entry.isdir()]
            _check_end(archive)
        except _READ_ERRORS as error:
            raise _damaged(path, error) from None
        # in the archive's order: going back in a compressed one means reading it anew
        for entry, (name, label, reason) in _judged(entries, [e.name for e in entries], labelled):
            if entry.issym():
                reason = "escape"
            elif not entry.isreg() and not entry.islnk():
                reason = "not_a_file"
            elif entry.size > images.MAX_BYTES:
                reason = "too_large"
            # a tar has no checksums: any change of the file may be a change of the member
            stamp = f"{path}|{facts.st_size}|{facts.st_mtime_ns}|{entry.offset}|{name}"
            read = unread if reason else partial(_read_tar, archive, entry)
            yield Candidate(name, label, stamp, reason, read)


def _is_tar(path: Path) -> bool:
    try:
        return tarfile.is_tarfile(path)
    except _READ_ERRORS:
        return False


def _check_end(archive: tarfile.TarFile) -> None:
    # tarfile takes an invalid header for the end: the true end is zeros, or the end of the file
    assert archive.fileobj is not None
    archive.fileobj.seek(archive.offset)
    if archive.fileobj.read(512).strip(b"\0"):
        raise tarfile.ReadError("an invalid header")
    while archive.fileobj.read(2**20):  # compressed files have their checksum at the end
        pass


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"acquire.source: {str(path)!r} is damaged: {error}")


def _judged(
    entries: Iterable[_Entry], names: list[str], labelled: bool
) -> Iterator[tuple[_Entry, tuple[str, str, str]]]:
    """Each visible entry with its name, class and reason for refusal."""
    paths = [PurePosixPath(_text(name)) for name in names]
    depth = wrapper_depth([path for path in paths if not is_hidden(path)])
    for entry, path in zip(entries, paths, strict=True):
        if path.is_absolute() or ".." in path.parts:
            yield entry, (str(path), "", "escape")
        elif not is_hidden(path):
            label = label_of(path, depth) if labelled else ""
            yield entry, (str(path), label, "" if label or not labelled else "no_class")


def _read_zip(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(entry) as file:
            # the header's size may lie: the limit holds for what comes out
            return file.read(images.MAX_BYTES + 1)
    except _READ_ERRORS as error:
        raise ImageRefused("unreadable", str(error)) from None


def _read_tar(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    try:
        file = archive.extractfile(entry)
        return file.read(images.MAX_BYTES + 1) if file else b""
    except (*_READ_ERRORS, KeyError) as error:
        raise ImageRefused("unreadable", str(error)) from None


def _text(name: str) -> str:
    return as_text(name.encode("utf-8", "surrogateescape"))
