"""Finished runs shared over remote storage, so that colleagues don't compute them again.

`dvc push --run-cache` sends the records of all runs, but of what they made only what the current
commit uses, and never a metric that git keeps: where every stage has one, elsewhere not one run is
found. Here every run goes with all that it made.
"""

import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dvc.repo import Repo
from dvc.stage.cache import _get_cache_hash
from dvc_data.hashfile.hash_info import HashInfo
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from swatchbook.base import files
from swatchbook.base.errors import DataError, first_line
from swatchbook.storage import dvc_files
from swatchbook.storage.remotes import Remote

FOLDER = "runs"
# the hash of what a stage was given, that of the whole record; names come from storage
_RUN = re.compile(r"[0-9a-f]{2}/[0-9a-f]{64}/[0-9a-f]{64}")


@dataclass(frozen=True)
class MovedRuns:
    """How many runs were moved; records that are ``damaged`` were left out."""

    runs: int
    damaged: list[str]


def push(remote: Remote) -> MovedRuns:
    """Send the runs that storage lacks, each after all that it made.

    A run of which something is no longer whole in DVC's cache stays here.

    Raises:
        DataError: storage refuses, or is for reading only.
    """
    if not remote.can_list:
        raise DataError(
            f"remote {remote.name!r}: {remote.url} can't be listed: it is for reading; "
            "name one to write to"
        )
    there = set(remote.files(FOLDER))
    cache = dvc_files.cache_folder()
    with Repo() as repo:
        folder = Path(repo.stage_cache.cache_dir)
        made = {name: _objects(cache, folder / name) for name in sorted(_names(folder))}
        # of runs that are there too: `dvc push --run-cache` may have sent their records alone
        wanted = {one for objects in made.values() for one in objects}
        try:
            failed = repo.cloud.push(wanted, remote=remote.name).failed if wanted else ()
        except Exception as error:  # each kind of storage has its own
            raise DataError(f"remote {remote.name!r}: {first_line(error)}") from error
    if failed:
        raise DataError(
            f"remote {remote.name!r}: {len(failed)} objects could not be sent; run it again"
        )
    new = [name for name, objects in made.items() if objects and name not in there]
    for name in new:
        remote.upload(folder / name, f"{FOLDER}/{name}")
    return MovedRuns(len(new), [])


def pull(remote: Remote) -> MovedRuns:
    """Fetch the records of runs that this clone lacks.

    What they made comes with `dvc repro --pull`, when a stage needs it. HTTP has no runs.

    Raises:
        DataError: storage refuses.
    """
    if not remote.can_list:
        return MovedRuns(0, [])
    with Repo() as repo:
        folder = Path(repo.stage_cache.cache_dir)
    missing = {name for name in remote.files(FOLDER) if _RUN.fullmatch(name)} - _names(folder)
    damaged = []
    for name in sorted(missing):
        with tempfile.TemporaryDirectory() as own:
            copy = Path(own) / "record"
            remote.download(f"{FOLDER}/{name}", copy)
            content = copy.read_bytes()
            if not is_whole(copy, name):
                damaged.append(name)
                continue
        files.write_bytes(folder / name, content)
        # DVC takes the newest of several records: one's own results come first
        os.utime(folder / name, (1, 1))
    return MovedRuns(len(missing) - len(damaged), damaged)


def is_whole(record: Path, name: str) -> bool:
    """Whether a file that was fetched is the record of that name."""
    return bool(_RUN.fullmatch(name)) and _record(record.read_bytes(), name) is not None


def _names(folder: Path) -> set[str]:
    found = {path.relative_to(folder).as_posix() for path in folder.glob("??/*/*")}
    return {name for name in found if _RUN.fullmatch(name)}


def _record(content: bytes, name: str) -> dict[str, Any] | None:
    """The record of that name; nothing where it is another than its name says."""
    try:
        record = YAML(typ="safe").load(content)
        # of a copy: DVC's function changes what it is given
        hashes = [_get_cache_hash(dict(record), key=True), _get_cache_hash(record)]
    except (YAMLError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return record if name.split("/")[1:] == hashes else None


def _objects(cache: Path, path: Path) -> set[HashInfo]:
    """What a run made, as DVC names it; nothing where a part of it is no longer whole here."""
    record = _record(path.read_bytes(), "/".join(path.parts[-3:]))
    found: set[str] = set()
    for out in (record or {}).get("outs", []):
        md5 = str(out.get("md5"))
        found.add(md5)
        if md5.endswith(".dir"):
            listing = dvc_files.object_path(cache, md5)
            if not listing.is_file() or files.md5(listing) != md5.removesuffix(".dir"):
                return set()
            found |= {row["md5"] for row in json.loads(listing.read_bytes())}
    is_whole = all(dvc_files.object_path(cache, md5).is_file() for md5 in found)
    return {HashInfo("md5", md5) for md5 in found} if is_whole else set()
