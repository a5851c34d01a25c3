"""What DVC keeps in a project, where a killed run or a full disk may have left it torn.

DVC writes its state in place: ``kill -9`` or a full disk can leave it torn, and then every command
fails until somebody knows what to delete. Nothing is removed here that can't be had again; what is
torn is laid aside, not deleted.
"""

import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from dvc.dependency.param import ParamsDependency
from dvc.dvcfile import Lockfile
from dvc.exceptions import DvcException
from dvc.lock import make_lock
from dvc.repo import Repo
from dvc.rwlock import RWLOCK_LOCK
from ruamel.yaml.error import YAMLError

from swatchbook.base import files
from swatchbook.base.errors import BusyError, DataError, first_line
from swatchbook.health.findings import Finding
from swatchbook.project import stage
from swatchbook.storage import dvc_files

_RWLOCK = Path(".dvc/tmp/rwlock")
_CODE = ("swatchbook", "stages")
_NAMED = 6
_OUTPUTS = ("data", "models", "metrics", "plots", "annotations")
# what files.replacing writes to before it renames, which takes moments
_TEMPORARY = re.compile(r"\.[a-z0-9_]{8}(\.[A-Za-z0-9]+)?")
_OLD, _OLD_BESIDE_A_STAGE = 2.0, 3600.0


def at_work() -> Iterator[Finding]:
    """Whether a stage is running here."""
    if _is_at_work():
        yield Finding("note", "a stage is at work here: what follows may be of the moment")
    else:
        yield Finding("ok", "no stage is at work here")


def rwlock() -> Iterator[Finding]:
    """DVC's list of who reads and writes what: rewritten in place some 18 times a run."""
    content = _settled(_RWLOCK)
    if content is None:
        yield Finding("ok", f"{_RWLOCK}: nobody holds anything")
        return
    try:
        holders = list(_holders(json.loads(content)))
    except (ValueError, AttributeError, TypeError, KeyError):
        kind = "empty" if not content else "torn"
        text = f"{_RWLOCK} is {kind}: every command of DVC fails (a killed run left it so)"
        yield Finding("problem", text, lambda: dvc_files.laid_aside(_RWLOCK))
        return
    gone = sorted({pid for pid, command in holders if not _is_same(pid, command)})
    if gone:
        text = f"{_RWLOCK} names processes that have ended: {', '.join(map(str, gone))}"
        yield Finding("problem", text, _without_ended)
    else:
        yield Finding("ok", f"{_RWLOCK}: {len(holders)} entries, all of live processes")


def dvc_lock() -> Iterator[Finding]:
    """The file that says what each stage was given and gave."""
    if not dvc_files.LOCK.is_file():
        yield Finding("note", f"{dvc_files.LOCK} is not there: no stage has run yet")
        return
    try:
        repo = Repo()
    except DvcException as error:
        yield Finding("problem", f"DVC can't open the project: {first_line(error)}")
        return
    try:
        with repo:
            content = Lockfile(repo, dvc_files.LOCK.as_posix()).load()
        yield Finding("ok", f"{dvc_files.LOCK}: {len(content['stages'])} stages")
    except (DvcException, ValueError, TypeError, KeyError):
        if b"<<<<<<<" in dvc_files.LOCK.read_bytes():
            yield Finding(
                "problem",
                f"{dvc_files.LOCK}: git left both sides of a merge in it: "
                f"`git checkout --theirs {dvc_files.LOCK}` (or --ours), git add, then `make repro`",
            )
            return
        kind = "empty" if not dvc_files.LOCK.stat().st_size else "torn"
        text = f"{dvc_files.LOCK} is {kind}: every command of DVC fails (full disk, or a kill)"
        yield Finding("problem", text, _restore_dvc_lock)


def changed_since() -> Iterator[Finding]:
    """What of the code and the parameters is other than when each stage last ran."""
    if not dvc_files.LOCK.is_file():
        return
    again: dict[str, list[str]] = {}
    # what is torn was told of above
    torn = (DvcException, YAMLError, ValueError, TypeError, KeyError)
    with contextlib.suppress(*torn), Repo() as repo:
        for stage_ in repo.index.stages:
            causes = [
                path
                for dep in stage_.deps
                if isinstance(dep, ParamsDependency) or str(dep.def_path).startswith(_CODE)
                for path in dep.status()
            ]
            if causes:
                again[stage_.name] = causes
    if again:
        causes = list(dict.fromkeys(cause for causes in again.values() for cause in causes))
        named = f"{', '.join(causes[:_NAMED])}{', …' if len(causes) > _NAMED else ''}"
        text = f"changed since the last run: {named}; `make repro` runs again: {', '.join(again)}"
        yield Finding("note", f"{text}; and those after them whose inputs then differ")
    else:
        yield Finding("ok", "code and parameters are those of the last run")


def leftovers() -> Iterator[Finding]:
    """Temporary files of writers that were killed."""
    old = _OLD_BESIDE_A_STAGE if _is_at_work() else _OLD
    found = [
        path
        for folder in _OUTPUTS
        for path in sorted(Path(folder).rglob(".*"))
        if _TEMPORARY.fullmatch(path.name)
        and path.is_file()
        and time.time() - path.stat().st_mtime > old
    ]
    if found:
        size = sum(path.stat().st_size for path in found)
        named = f"{found[0]}{', …' if len(found) > 1 else ''}"
        text = f"temporary files of killed writers: {len(found)}, {size / 1e6:.1f} MB; {named}"
        yield Finding("problem", text, lambda: _removed(found))
    else:
        yield Finding("ok", "no temporary files are left over")


def outputs() -> Iterator[Finding]:
    """Whether what ``dvc.lock`` lists is in the workspace and in DVC's cache."""
    cache = dvc_files.cache_folder()
    try:
        listed = dvc_files.outputs(cache)
    except (YAMLError, ValueError, TypeError, KeyError, OSError):
        return  # dvc_lock has told of it
    whole = 0
    for path, files_of in listed.items():
        if not files_of:
            text = f"{path}: the list of its files is not in DVC's cache"
            # in a fresh clone there is nothing to commit
            cure = f"`dvc commit {path}`" if path.exists() else "`dvc repro`"
            yield Finding("problem", f"{text}: `dvc pull`, or {cure} makes it again")
            continue
        absent = [name for name in files_of if not (path / name if name else path).is_file()]
        uncached = [
            name
            for name, md5 in files_of.items()
            if not dvc_files.object_path(cache, md5).is_file()
        ]
        kept = [name for name in absent if name not in uncached]
        if kept:
            text = f"{path}: {len(kept)} of {len(files_of)} files are not in the workspace"
            yield Finding("problem", text, lambda path=path: _checked_out(path))  # type: ignore[misc]
        elif absent:
            text = f"{path}: {len(absent)} files are neither here nor in DVC's cache"
            yield Finding("problem", f"{text}: `dvc pull`, or `dvc repro` makes them again")
        elif uncached:
            text = f"{path}: {len(uncached)} of {len(files_of)} files are not in DVC's cache"
            yield Finding("problem", f"{text}: `dvc commit {path}` puts them there")
        else:
            whole += 1
    if whole:
        yield Finding("ok", f"{whole} outputs are here and in DVC's cache")


def links() -> Iterator[Finding]:
    """Whether DVC copies: its links make folders that grow very slow."""
    kinds = _link_types()
    if {"hardlink", "symlink"} & set(kinds):
        text = (
            f"cache.type is {','.join(kinds)}: acquire keeps its folder between runs, and linked "
            "that takes 10 times as long (50,000 files: 410 s against 33 s); "
            "`dvc config cache.type reflink,copy`"
        )
        yield Finding("problem", text)
    else:
        yield Finding("ok", f"cache.type: {', '.join(kinds) or 'reflink, copy'}")


def _is_at_work() -> bool:
    try:
        with files.locked(stage.lock_of(Path.cwd()), ""):
            return False
    except BusyError:
        return True


def _settled(path: Path) -> str | None:
    """The content of a file; of an empty one only if it is empty for a while."""
    for _ in range(10):
        try:
            content = path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None
        if content:
            return content
        time.sleep(0.1)
    return ""


def _holders(held: dict[str, Any]) -> Iterator[tuple[int, str]]:
    for infos in held.get("read", {}).values():
        yield from ((int(info["pid"]), str(info["cmd"])) for info in infos)
    for info in held.get("write", {}).values():
        yield int(info["pid"]), str(info["cmd"])


def _is_same(pid: int, command: str) -> bool:
    """Whether process ``pid`` is still the one that ran ``command``: numbers are used again."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        program = Path(command.split(" ")[0])
        # `python -m dvc` calls itself by its file
        name = program.parent.name if program.name == "__main__.py" else program.name
        words = process.cmdline()
        # none: between the two halves of an `exec`, which only one that lives can be in
        return not words or name in " ".join(words)
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True


def _without_ended() -> str:
    # under DVC's own lock of the file, and from what is in it now
    guard = make_lock(str(_RWLOCK.with_name(RWLOCK_LOCK)), tmp_dir=str(_RWLOCK.parent))
    with guard:
        held = json.loads(_RWLOCK.read_bytes())
        read = {
            path: [info for info in infos if _is_same(int(info["pid"]), str(info["cmd"]))]
            for path, infos in held.get("read", {}).items()
        }
        kept = {
            "read": {path: infos for path, infos in read.items() if infos},
            "write": {
                path: info
                for path, info in held.get("write", {}).items()
                if _is_same(int(info["pid"]), str(info["cmd"]))
            },
        }
        files.write_bytes(_RWLOCK, json.dumps(kept).encode())
    return f"entries of ended processes taken out of {_RWLOCK}"


def _restore_dvc_lock() -> str:
    committed = subprocess.run(
        ["git", "show", f"HEAD:./{dvc_files.LOCK}"], capture_output=True, check=False
    )
    said = dvc_files.laid_aside(dvc_files.LOCK)
    if committed.returncode:
        return f"{said}; git has none: `dvc repro` writes it again, from its cache of runs"
    files.write_bytes(dvc_files.LOCK, committed.stdout)
    return f"{said}; the last committed one is in its place: `dvc repro` brings it up to date"


def _removed(paths: list[Path]) -> str:
    for path in paths:
        path.unlink(missing_ok=True)
    return f"temporary files removed: {len(paths)}"


def _checked_out(path: Path) -> str:
    # without --force: what a person has changed is not overwritten
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "checkout", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise DataError(
            f"dvc checkout {path}: it holds what DVC's cache doesn't; `dvc repro` makes it again, "
            f"`dvc checkout --force {path}` takes the last one back"
        )
    return f"{path} checked out of DVC's cache"


def _link_types() -> list[str]:
    with contextlib.suppress(DvcException), Repo() as repo:
        kinds = repo.config.get("cache", {}).get("type") or []
        return kinds if isinstance(kinds, list) else kinds.replace(" ", "").split(",")
    return []
