"""Where DVC keeps what: its lock file, its cache, and a place for what is torn."""

import contextlib
import json
import shutil
import time
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.repo import Repo
from ruamel.yaml import YAML

from swatchbook.base import files

LOCK = Path("dvc.lock")
_ASIDE = Path(".dvc/tmp/damaged")


def outputs(cache: Path) -> dict[Path, dict[str, str]]:
    """For each cached output of ``dvc.lock`` the md5 of every file, by its name inside.

    The name is empty where the output is one file; a folder whose listing is lost or damaged
    has none. Raises what reading YAML raises.
    """
    found: dict[Path, dict[str, str]] = {}
    for path, md5 in locked().items():
        found[path] = {"": md5}
        if md5.endswith(".dir"):
            place = object_path(cache, md5)
            is_whole = place.is_file() and files.md5(place) == md5.removesuffix(".dir")
            rows = json.loads(place.read_bytes()) if is_whole else []
            found[path] = {row["relpath"]: row["md5"] for row in rows}
    return found


def locked() -> dict[Path, str]:
    """The md5 of every cached output of ``dvc.lock``; that of a folder ends with ``.dir``."""
    stages = YAML(typ="safe").load(LOCK.read_text(encoding="utf-8"))["stages"]
    outs = [out for one in stages.values() for out in one.get("outs", [])]
    # metrics are in git, not in the cache
    return {
        Path(out["path"]): str(out["md5"])
        for out in outs
        if Path(out["path"]).parts[0] != "metrics"
    }


def listing(folder: Path) -> bytes:
    """The object that DVC makes of a folder: names and md5 of all files (dvc-data's ``Tree``)."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    named = sorted((path.relative_to(folder).parts, path) for path in paths)
    rows = [{"md5": files.md5(path), "relpath": "/".join(parts)} for parts, path in named]
    return json.dumps(rows, sort_keys=True).encode()


def object_path(cache: Path, md5: str) -> Path:
    """Where the cache has an object (cache version 3)."""
    return cache / "files" / "md5" / md5[:2] / md5[2:]


def cache_folder() -> Path:
    """The folder of DVC's cache of this project; it may be shared with others."""
    with contextlib.suppress(DvcException), Repo() as repo:
        return Path(repo.cache.local.path).parent.parent
    return Path(".dvc/cache")


def state_folder() -> Path:
    """Where DVC keeps databases of its own, for all projects of this machine."""
    with contextlib.suppress(DvcException), Repo() as repo:
        return Path(repo.site_cache_dir)
    return Path.cwd()


def laid_aside(path: Path) -> str:
    """Move a torn file to where it harms nobody; say where."""
    _ASIDE.mkdir(parents=True, exist_ok=True)
    when = f"{time.strftime('%Y%m%d-%H%M%S')}-{time.monotonic_ns() % 10**6}"
    place = _ASIDE / f"{path.parent.name}-{path.name}-{when}"
    shutil.move(path, place)  # DVC's cache may be on another disk
    return f"{path} laid aside as {place}"
