"""A zip or tar file of a folder with one sub-folder per class. Nothing is unpacked to disk."""

import lzma
import sys
import tarfile
import weakref
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from swatchbook.acquisition import layout
from swatchbook.acquisition.candidate import Candidate, is_hidden, located, sidecars, unread
from swatchbook.acquisition.kinds import zip_names
from swatchbook.acquisition.layout import Kind
from swatchbook.base import terminal
from swatchbook.base.errors import DataError, ImageRefused
from swatchbook.base.text import as_text
from swatchbook.images import limits

_Entry = TypeVar("_Entry", zipfile.ZipInfo, tarfile.TarInfo)
_READ_ERRORS = (
    OSError, EOFError, RuntimeError, NotImplementedError, ValueError,
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError,
)  # fmt: skip


def is_archive(path: Path) -> bool:
    """Whether a file is a zip or tar file, by its content."""
    return zipfile.is_zipfile(path) or _is_tar(path)


_INSIDE = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar")


def candidates(location: str, kind: Kind = "auto", labelled: bool = True) -> Iterator[Candidate]:
    """Every file of the archive, then class folders without any; links are refused.

    ``labelled``: whether its folders are classes, or of no meaning.

    Raises:
        DataError: where it is no archive, or a damaged one: what stands behind the damage
            can't be listed, and must not be lost in silence.
    """
    path = located(location)
    if not path.is_file():
        raise DataError(f"acquire.source: {location!r} is not a file; a folder is folder:PATH")
    if zipfile.is_zipfile(path):
        yield from _zip(path, kind, labelled)
    elif _is_tar(path):
        yield from _tar(path, kind, labelled)
    else:
        raise DataError(
            f"acquire.source: {location!r} is neither a zip nor a tar file; unpack it "
            "and name the folder (folder:PATH)"
        )


def _zip(path: Path, kind: Kind, labelled: bool) -> Iterator[Candidate]:
    try:
        archive = zipfile.ZipFile(path)
    except _READ_ERRORS as error:
        raise _damaged(path, error) from None
    # the last candidates are read when all are listed: it is closed with the last that needs it
    weakref.finalize(archive, _closed, archive.fp)
    if odd := zip_names.guessed(archive.infolist()):
        print(
            terminal.plain(
                f"warning: {path.name!r} doesn't say how its names are encoded: {odd[0]!r}; where "
                "that is not how it should read, zip the folder again with names in UTF-8"
            ),
            file=sys.stderr,
        )
    listed = archive.infolist()
    named = list(zip(listed, zip_names.of(listed), strict=True))
    folders = [name for _, name in named if name.endswith("/")]
    files = [(entry, name) for entry, name in named if not name.endswith("/")]
    for entry, one in _judged(files, folders, kind, labelled):
        if entry is None:
            yield one
            continue
        reason = one.reason or limits.refusal_of_size(entry.file_size)
        stamp = f"{path}|{entry.CRC}|{entry.file_size}|{entry.header_offset}|{one.name}"
        read = unread if reason else partial(_read_zip, archive, entry)
        yield replace(one, stamp=stamp, reason=reason, read=read)


def _tar(path: Path, kind: Kind, labelled: bool) -> Iterator[Candidate]:
    facts = path.stat()
    archive = tarfile.open(path)  # noqa: SIM115 (as above)
    weakref.finalize(archive, _closed, archive.fileobj)
    try:
        entries = list(archive)
        _check_end(archive)
    except _READ_ERRORS as error:
        raise _damaged(path, error) from None
    # in the archive's order: going back in a compressed one means reading it anew
    folders = [entry.name for entry in entries if entry.isdir()]
    files = [(entry, entry.name) for entry in entries if not entry.isdir()]
    for entry, one in _judged(files, folders, kind, labelled):
        if entry is None:
            yield one
            continue
        if entry.issym():
            reason = "escape"
        elif not entry.isreg() and not entry.islnk():
            reason = "not_a_file"
        else:
            reason = one.reason or limits.refusal_of_size(entry.size)
        # a tar has no checksums: any change of the file may be a change of the member
        stamp = f"{path}|{facts.st_size}|{facts.st_mtime_ns}|{entry.offset}|{one.name}"
        read = unread if reason else partial(_read_tar, archive, entry)
        yield replace(one, stamp=stamp, reason=reason, read=read)


def _closed(file: Any) -> None:
    if file is not None:
        file.close()


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
    return DataError(f"acquire.source: {str(path)!r} is damaged: {error}; fetch or pack it anew")


def _judged(
    entries: list[tuple[_Entry, str]], folders: list[str], kind: Kind, labelled: bool
) -> Iterator[tuple[_Entry | None, Candidate]]:
    """Each visible entry with its name, class and reason for refusal, not yet readable."""
    paths = {number: PurePosixPath(_text(name)) for number, (_, name) in enumerate(entries)}
    inside = [path for path in paths.values() if not _escapes(path) and not is_hidden(path)]
    found = layout.of(inside, kind) if labelled else layout.Layout(-1)
    beside = sidecars(set(inside))
    for number, path in paths.items():
        entry = entries[number][0]
        if _escapes(path):
            yield entry, Candidate(str(path), "", "", "escape", unread)
        elif not is_hidden(path):
            label = found.label(path)
            reason = "sidecar" if path in beside else ""
            if labelled and not label and not reason:
                reason = "archive" if path.suffix.lower() in _INSIDE else "no_class"
            part = found.part(path) if label else ""
            yield entry, Candidate(str(path), label, "", reason, unread, part=part)
    if labelled:
        inner = [PurePosixPath(_text(name)) for name in folders]
        inner = [path for path in inner if not _escapes(path)]
        yield from ((None, empty) for empty in found.without_files(inner, inside))


def _escapes(path: PurePosixPath) -> bool:
    return path.is_absolute() or ".." in path.parts


def _read_zip(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(entry) as file:
            # the header's size may lie: the limit holds for what comes out
            return limits.read(file)
    except _READ_ERRORS as error:
        raise ImageRefused("unreadable", str(error)) from None


def _read_tar(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    try:
        file = archive.extractfile(entry)
        return limits.read(file) if file else b""
    except (*_READ_ERRORS, KeyError) as error:
        raise ImageRefused("unreadable", str(error)) from None


def _text(name: str) -> str:
    return as_text(name.encode("utf-8", "surrogateescape"))
