"""What a run left behind: its predictions, metrics, parameters and curves.

A run is the workspace, or anything that DVC keeps: a commit, a branch, a tag, an experiment.
"""

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc_data.hashfile.hash_info import HashInfo
from ruamel.yaml import YAML
from scmrepo.exceptions import SCMError

from swatchbook.base.errors import DataError, did_you_mean, first_line
from swatchbook.experiments.history import git_history
from swatchbook.experiments.history.git_history import WORKSPACE as WORKSPACE
from swatchbook.project import stage, tables

_LOCK = "dvc.lock"


def predictions(run: str, fetch: bool = True) -> pd.DataFrame:
    """The run's rows of ``tables.PREDICTIONS``; without ``fetch`` only what is in this clone.

    Raises:
        DataError: where there is no such run, or what it left is neither here nor in a remote.
    """
    table = tables.PREDICTIONS
    return table.parsed(_read(run, table.path, fetch), f"{run}: {table.path}")


def evaluation(run: str) -> dict[str, Any]:
    """The run's metrics of the test part. Raises as ``predictions``."""
    path = stage.metrics_path("evaluate")
    try:
        return stage.metrics_of(_read(run, path))
    except ValueError as error:
        raise DataError(f"{run}: {path}: not JSON: {error}; `dvc repro` writes it") from None


def training(run: str) -> pd.DataFrame:
    """The run's curves of refinement, a row an epoch; none where it refined nothing."""
    try:
        text = _read(run, tables.TRAINING_CURVES.path)
    except DataError:
        return pd.DataFrame(columns=list(tables.TRAINING_CURVES.columns))
    return pd.read_csv(io.StringIO(text))


def names() -> list[str]:
    """Experiments by name, then branches and tags."""
    found = [one.name for some in git_history.experiments().values() for one in some]
    return [*found, *git_history.branches_and_tags()]


def revision(run: str) -> str:
    """The commit that is called ``run``; DVC's experiments first. Raises DataError."""
    for experiments in git_history.experiments().values():
        for one in experiments:
            if one.name == run:
                return one.revision
    if found := git_history.resolved(run):
        return found
    known = names()
    shallow = (
        " This clone is shallow: `git fetch --unshallow` brings the rest."
        if git_history.is_shallow()
        else ""
    )
    raise DataError(
        f"{run!r} is no commit, branch, tag or experiment of this project."
        f"{did_you_mean(run, known)} Known: {', '.join([WORKSPACE, *known][:12])}.{shallow}"
    )


def content(run: str, path: Path, fetch: bool = True) -> bytes:
    """A file of the run, as it is. Raises as ``predictions``."""
    try:
        return path.read_bytes() if run == WORKSPACE else _read_kept(run, path, fetch)
    except FileNotFoundError:
        raise DataError(f"{run}: {path} is not here: `dvc repro` makes it") from None
    except (DvcException, SCMError) as error:
        raise DataError(f"{run}: {path} can't be had: {first_line(error)}") from None
    except ValueError as error:
        raise DataError(f"{run}: {path}: {error}") from None


def _read(run: str, path: Path, fetch: bool = True) -> str:
    try:
        return content(run, path, fetch).decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{run}: {path}: {error}") from None


def _read_kept(run: str, path: Path, fetch: bool) -> bytes:
    """A file of a commit: of git, or of DVC by the commit's dvc.lock.

    Not by ``dvc.api``: it looks for the paths of a project in a sub-folder from git's root.
    """
    try:
        commit = revision(run)
    except DataError as error:
        if str(error).startswith(repr(run)):
            raise
        raise DataError(f"{run}: {error}") from None
    kept = git_history.contents([commit], [path.as_posix(), _LOCK])
    if (commit, path.as_posix()) in kept:
        return kept[commit, path.as_posix()]
    if (commit, _LOCK) not in kept:
        raise DataError(
            f"{run}: no {_LOCK} here: nothing had run when it was committed; name another run"
        )
    outputs = _outputs(kept[commit, _LOCK])
    if path.as_posix() in outputs:
        return _object(run, path, outputs[path.as_posix()], fetch)
    for parent in path.parents:
        if digest := outputs.get(parent.as_posix()):
            listing = json.loads(_object(run, parent, digest, fetch))
            inside = {entry["relpath"]: entry["md5"] for entry in listing}
            name = path.relative_to(parent).as_posix()
            if name in inside:
                return _object(run, path, inside[name], fetch)
    raise DataError(f"{run}: it has no {path}; name a run that evaluated")


def _outputs(lock: bytes) -> dict[str, str]:
    stages = YAML(typ="safe").load(lock)["stages"].values()
    return {
        out["path"]: out["md5"] for one in stages for out in one.get("outs", []) if "md5" in out
    }


def _object(run: str, path: Path, digest: str, fetch: bool) -> bytes:
    """What DVC keeps under a digest: in its cache, else (with ``fetch``) from the remote."""
    with Repo() as repo:
        kept = Path(repo.cache.local.oid_to_path(digest))
        if not kept.is_file():
            where = f"{run}: {path} is not in this clone"
            if not repo.config["core"].get("remote"):
                raise DataError(
                    f"{where}, and no remote storage is set to have it from: run it again, or "
                    "`dvc remote add --default NAME URL`"
                )
            if not fetch:
                raise DataError(f"{where}: `swatchbook compare {run}` brings it from the remote")
            try:
                repo.cloud.pull([HashInfo("md5", digest)])
            except Exception as error:  # of any kind of storage
                raise DataError(f"{where}: {first_line(error)}") from None
            if not kept.is_file():
                raise DataError(
                    f"{where}, nor in the remote storage: `dvc push` where it was made, or "
                    "run it again"
                )
        return kept.read_bytes()
