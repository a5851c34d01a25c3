"""A zip or tar file of a folder with one sub-folder per class. Nothing is unpacked to disk."""

import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from swatchbook import images
from swatchbook.errors import DataError, ImageRefused
from swatchbook.sources.candidate import Candidate, is_hidden, label_of, unread, wrapper_depth
from swatchbook.tables import as_text

_READ_ERRORS = (
    OSError, EOFError, RuntimeError, NotImplementedError, ValueError,
    zipfile.BadZipFile, tarfile.TarError, zlib.error,
)  # fmt: skip


def candidates(location: str) -> Iterator[Candidate]:
    """Every file of the archive, sorted by name; links and special files are refused."""
    path = Path(location).expanduser().resolve()
    if not path.is_file():
        raise DataError(f"acquire.source: {location!r} is not a file")
    if zipfile.is_zipfile(path):
        yield from _zip(path)
    elif tarfile.is_tarfile(path):
        yield from _tar(path)
    else:
        raise DataError(f"acquire.source: {location!r} is neither a zip nor a tar file")


def _zip(path: Path) -> Iterator[Candidate]:
    with zipfile.ZipFile(path) as archive:
        members = {entry.filename: entry for entry in archive.infolist() if not entry.is_dir()}
        stamps = {name: f"{path}|{entry.CRC}|{entry.file_size}" for name, entry in members.items()}
        for name, label, reason in _judged(members):
            entry = members[name]
            reason = reason or ("too_large" if entry.file_size > images.MAX_BYTES else "")
            read = partial(_read_zip, archive, entry)
            yield Candidate(_text(name), label, f"{stamps[name]}|{name}", reason, read)


def _tar(path: Path) -> Iterator[Candidate]:
    facts = path.stat()
    with tarfile.open(path) as archive:
        members = {entry.name: entry for entry in archive if not entry.isdir()}
        for name, label, reason in _judged(members):
            entry = members[name]
            if not entry.isreg():
                reason = "escape" if entry.issym() or entry.islnk() else "not_a_file"
            elif entry.size > images.MAX_BYTES:
                reason = "too_large"
            # a tar has no checksums: any change of the file may be a change of the member
            stamp = f"{path}|{facts.st_size}|{facts.st_mtime_ns}|{_text(name)}"
            read = unread if reason else partial(_read_tar, archive, entry)
            yield Candidate(_text(name), label, stamp, reason, read)


def _judged(
    members: dict[str, zipfile.ZipInfo] | dict[str, tarfile.TarInfo],
) -> Iterator[tuple[str, str, str]]:
    names = {name: PurePosixPath(_text(name)) for name in sorted(members)}
    usable = {name: path for name, path in names.items() if not is_hidden(_inside(path))}
    depth = wrapper_depth(list(usable.values()))
    for name, path in usable.items():
        if path.is_absolute() or ".." in path.parts:
            yield name, "", "escape"
        else:
            label = label_of(path, depth)
            yield name, label, "" if label else "no_class"


def _inside(path: PurePosixPath) -> PurePosixPath:
    # ".." is no hidden file: it must be listed as an escape
    return PurePosixPath(*(part for part in path.parts if part not in ("..", "/")))


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
    except _READ_ERRORS as error:
        raise ImageRefused("unreadable", str(error)) from None


def _text(name: str) -> str:
    return as_text(name.encode("utf-8", "surrogateescape"))
