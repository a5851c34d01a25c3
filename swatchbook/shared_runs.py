"""Finished runs shared over remote storage, so that colleagues don't compute them again.

`dvc push --run-cache` sends the records of all runs, but of what they made only what the current
commit uses, and never a metric that git keeps: where every stage has one, elsewhere not one run is
found. Here every run goes with all that it made.
"""

import re
from pathlib import Path
from typing import Any

from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.utils.serialize import ParseError

from swatchbook import files
from swatchbook.errors import DataError, first_line
from swatchbook.remotes import Remote

_FOLDER = "runs"
# the hash of what a stage was given, that of what it gave; names come from storage
_RUN = re.compile(r"[0-9a-f]{2}/[0-9a-f]{64}/[0-9a-f]{64}")


def push(remote: Remote) -> int:
    """Send the runs that storage lacks, each after all that it made; say how many.

    A run of which something is no longer in DVC's cache stays here.

    Raises:
        DataError: storage refuses, or is for reading only.
    """
    if not remote.can_list:
        raise DataError(f"remote {remote.name!r}: {remote.url} can't be listed: it is for reading")
    there = set(remote.files(_FOLDER))
    with Repo() as repo:
        folder = Path(repo.stage_cache.cache_dir)
        made = {
            name: objects
            for name in _names(folder)
            if name not in there and (objects := _objects(repo, name))
        }
        try:
            failed = repo.cloud.push(set().union(*made.values()), remote=remote.name).failed
        except Exception as error:  # each kind of storage has its own
            raise DataError(f"remote {remote.name!r}: {first_line(error)}") from error
    if failed:
        raise DataError(f"remote {remote.name!r}: {len(failed)} objects could not be sent")
    for name in made:
        remote.upload(folder / name, f"{_FOLDER}/{name}")
    return len(made)


def pull(remote: Remote) -> int:
    """Fetch the records of runs that this clone lacks; say how many.

    What they made comes with `dvc repro --pull`, when a stage needs it. HTTP has no runs.

    Raises:
        DataError: storage refuses.
    """
    if not remote.can_list:
        return 0
    with Repo() as repo:
        folder = Path(repo.stage_cache.cache_dir)
    missing = {name for name in remote.files(_FOLDER) if _RUN.fullmatch(name)} - _names(folder)
    for name in sorted(missing):
        with files.replacing(folder / name) as temporary:
            remote.download(f"{_FOLDER}/{name}", temporary)
    return len(missing)


def _names(folder: Path) -> set[str]:
    found = {path.relative_to(folder).as_posix() for path in folder.glob("??/*/*")}
    return {name for name in found if _RUN.fullmatch(name)}


def _objects(repo: Repo, name: str) -> set[Any]:
    """What a run made, in DVC's own terms; nothing where a part of it is no longer here."""
    try:
        used = repo.stage_cache.get_used_objs([tuple(name.split("/")[1:])])
    except (DvcException, ParseError, OSError):
        return set()
    found = {one for objects in used.values() for one in objects}
    return found if all(repo.cache.local.exists(one.value) for one in found) else set()
