"""Whether what is stored is still what was stored: every byte of every cache is read and hashed.

DVC takes a file of the right size and time for the right one (iterative/dvc#5978): a bit that has
flipped on the disk goes unnoticed, into the workspace and to remote storage.
"""

import contextlib
import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from ruamel.yaml.error import YAMLError

from swatchbook.base import caches, files, machine
from swatchbook.base.cache import Cache
from swatchbook.base.errors import DataError
from swatchbook.health.findings import Finding
from swatchbook.storage import dvc_files, remotes, shared_features, shared_runs
from swatchbook.storage.remotes import Remote
from swatchbook.training.batches import decoded

_FEW = 3


def local() -> Iterator[Finding]:
    """Hash DVC's cache, the outputs in the workspace, and this machine's own caches."""
    cache = dvc_files.cache_folder()
    yield from objects(cache)
    yield from workspace(cache)
    yield from of_machine()


def objects(cache: Path) -> Iterator[Finding]:
    """Objects of DVC's cache whose content is not that of their name."""
    paths = sorted((cache / "files" / "md5").glob("??/*"))
    damaged = [path for path in paths if not _is_whole(path)]
    if damaged:
        text = (
            f"{len(damaged)} of {len(paths)} objects of DVC's cache are damaged: {_some(damaged)}"
        )
        yield Finding("problem", text, lambda: _mended(cache, damaged))
    else:
        yield Finding("ok", f"{len(paths)} objects of DVC's cache are what their names say")


def workspace(cache: Path) -> Iterator[Finding]:
    """Outputs in the workspace that are other than ``dvc.lock`` says."""
    try:
        listed = dvc_files.outputs(cache)
    except (YAMLError, ValueError, TypeError, KeyError, OSError) as error:
        yield Finding("problem", f"{dvc_files.LOCK} can't be read: {error}; `swatchbook doctor`")
        return
    other: dict[Path, str] = {}
    count = 0
    for out, files_of in listed.items():
        for name, md5 in files_of.items():
            path = out / name if name else out
            if path.is_file():
                count += 1
                if files.md5(path) != md5:
                    other[path] = md5
    if other:
        changed = f"{len(other)} of {count} files of outputs"
        text = (
            f"{changed} are other than {dvc_files.LOCK} says, changed or damaged: {_some([*other])}"
        )
        yield Finding("problem", text, lambda: _restored(cache, other))
    else:
        yield Finding("ok", f"{count} files of outputs are as {dvc_files.LOCK} says")


def stored(remote: Remote) -> Iterator[Finding]:
    """Everything on remote storage whose content is not that of its name: all of it is fetched."""
    if not remote.can_list:
        raise DataError(
            f"remote {remote.name!r}: {remote.url} can't be listed: name one that is written to"
        )
    remote.reach()
    if not remote.files(remotes.OBJECTS):
        text = f"remote {remote.name!r} holds nothing: never pushed to, or not the place it was"
        yield Finding("problem", text)
    for kind, folder, is_whole, fix in (
        ("objects", remotes.OBJECTS, _is_object, _sent_again),
        ("records of runs", shared_runs.FOLDER, shared_runs.is_whole, _taken_away),
        ("packs of features", shared_features.FOLDER, shared_features.is_whole, _taken_away),
    ):
        names = remote.files(folder)
        paths = [
            f"{folder}/{name}"
            for name in names
            if not _is_stored_whole(remote, folder, name, is_whole)
        ]
        if paths:
            text = f"{len(paths)} of {len(names)} {kind} of remote {remote.name!r} are damaged"
            yield Finding(
                "problem",
                f"{text}: {_some([Path(path) for path in paths])}",
                lambda fix=fix, paths=paths: fix(remote, paths),  # type: ignore[misc]
            )
        elif names:
            yield Finding("ok", f"{len(names)} {kind} of remote {remote.name!r} are right")


def of_machine() -> Iterator[Finding]:
    """This machine's caches; what is damaged there is removed at once: it is made again."""
    home = machine.cache_folder()
    for path in caches.all_files():
        with Cache(path) as known:
            yield _told(path.relative_to(home), *known.verify())
    for path in sorted(caches.folder(caches.DECODED).glob("*/rows.sqlite")):
        yield _told(path.parent.relative_to(home), *decoded.verify(path.parent))
    downloads = [
        path for path in sorted(caches.folder(caches.DOWNLOADS).glob("??/*")) if path.is_file()
    ]
    bad = [path for path in downloads if files.sha256(path) != path.name]
    for path in bad:
        path.unlink()
    if downloads:
        yield _told(Path("downloads"), len(downloads) - len(bad), len(bad))


def _told(name: Path, right: int, damaged: int) -> Finding:
    if damaged:
        return Finding(
            "note", f"cache {name}: {damaged} damaged entries removed, {right} are right"
        )
    return Finding("ok", f"cache {name}: {right} entries are right")


def _mended(cache: Path, damaged: list[Path]) -> str:
    """Put whole objects in the place of damaged ones: from the workspace, else from a remote."""
    known: dict[str, Path] = {}
    for out, files_of in dvc_files.outputs(cache).items():
        known |= {md5: out / name if name else out for name, md5 in files_of.items()}
    known |= {md5: out for out, md5 in dvc_files.locked().items()}
    missing = []
    for path in damaged:
        dvc_files.laid_aside(path)
        content = _content(_name(path), known.get(_name(path)))
        if content is None:
            missing.append(path)
        else:
            files.write_bytes(path, content)
            path.chmod(0o444)  # as DVC protects its objects
    fetched = _fetched(missing)
    lost = [path for path in missing if path not in fetched]
    said = f"{len(damaged) - len(missing)} taken from the workspace, {len(fetched)} fetched"
    if lost:
        raise DataError(
            f"{said}; {len(lost)} are in no remote: {_some(lost)} (laid aside; `dvc repro` makes "
            "again what the current results need)"
        )
    return said


def _content(md5: str, source: Path | None) -> bytes | None:
    """The bytes of an object from a file or folder of the workspace, where it is whole."""
    if source is None or not source.exists():
        return None
    content = dvc_files.listing(source) if source.is_dir() else source.read_bytes()
    is_right = hashlib.md5(content, usedforsecurity=False).hexdigest() == md5.removesuffix(".dir")
    return content if is_right else None


def _is_stored_whole(
    remote: Remote, folder: str, name: str, is_whole: Callable[[Path, str], bool]
) -> bool:
    with tempfile.TemporaryDirectory() as own:
        copy = Path(own) / "copy"
        try:
            remote.download(f"{folder}/{name}", copy)
        except DataError:
            remote.reach()  # all of storage may be gone
            return False
        return is_whole(copy, name)


def _is_object(path: Path, name: str) -> bool:
    """Whether a file is the object of that name, ``ab/cdef…``."""
    return files.md5(path) == name.replace("/", "").removesuffix(".dir")


def _taken_away(remote: Remote, paths: list[str]) -> str:
    for path in paths:
        remote.remove(path)
    return f"{len(paths)} taken away; `swatchbook cache push` sends what this machine has of them"


def _sent_again(remote: Remote, paths: list[str]) -> str:
    cache = dvc_files.cache_folder()  # laid out as storage is
    lost = []
    for path in paths:
        source = cache / path
        if source.is_file() and _is_whole(source):
            remote.upload(source, path)
        else:
            lost.append(source)
    said = f"{len(paths) - len(lost)} sent again from DVC's cache"
    if lost:
        raise DataError(
            f"{said}; of {len(lost)} there is no whole copy here, see who else "
            f"has one: {_some(lost)}"
        )
    return said


def _fetched(missing: list[Path]) -> list[Path]:
    if not missing:
        return []
    if _has_remote():
        for scope in ([], ["--run-cache"], ["--all-commits"]):
            command = [sys.executable, "-m", "dvc", "fetch", "--quiet", *scope]
            subprocess.run(command, capture_output=True, check=False)
            if all(path.is_file() for path in missing):
                break
    return [
        path
        for path in missing
        if path.is_file() and files.md5(path) == _name(path).removesuffix(".dir")
    ]


def _has_remote() -> bool:
    with contextlib.suppress(DataError):
        return bool(remotes.names())
    return False


def _restored(cache: Path, other: dict[Path, str]) -> str:
    lost = []
    for path, md5 in other.items():
        source = dvc_files.object_path(cache, md5)
        if not source.is_file() or files.md5(source) != md5:
            lost.append(path)
            continue
        dvc_files.laid_aside(path)
        with files.replacing(path) as temporary:
            shutil.copyfile(source, temporary)
    said = f"{len(other) - len(lost)} files put back from DVC's cache, the others laid aside"
    if lost:
        raise DataError(
            f"{said}; of {len(lost)} there is no whole copy: {_some(lost)}; `dvc pull`, or remove "
            "them and `dvc repro`"
        )
    return said


def _is_whole(path: Path) -> bool:
    return _is_object(path, _name(path))


def _name(path: Path) -> str:
    return path.parent.name + path.name


def _some(paths: list[Path]) -> str:
    here = Path.cwd()
    named = [str(path.relative_to(here) if path.is_relative_to(here) else path) for path in paths]
    return ", ".join(named[:_FEW]) + (", …" if len(paths) > _FEW else "")
