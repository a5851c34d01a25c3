"""What a run left behind: its predictions, metrics, parameters and curves.

A run is the workspace, or anything that DVC keeps: a commit, a branch, a tag, an experiment.
"""

import io
import json
from pathlib import Path
from typing import Any

import dvc.api
import pandas as pd
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.scm import RevError
from scmrepo.exceptions import SCMError

from swatchbook import stage, tables, training_curves
from swatchbook.errors import DataError, did_you_mean, first_line

WORKSPACE = "workspace"


def predictions(run: str) -> pd.DataFrame:
    """The run's rows of ``tables.PREDICTIONS``.

    Raises:
        DataError: where there is no such run, or what it left is neither here nor in a remote.
    """
    table = tables.PREDICTIONS
    return table.parsed(_read(run, table.path), f"{run}: {table.path}")


def evaluation(run: str) -> dict[str, Any]:
    """The run's metrics of the test part. Raises as ``predictions``."""
    path = stage.metrics_path("evaluate")
    try:
        found: dict[str, Any] = json.loads(_read(run, path))
    except ValueError as error:
        raise DataError(f"{run}: {path}: not JSON: {error}") from None
    return found


def training(run: str) -> pd.DataFrame:
    """The run's curves of refinement, a row an epoch; none where it refined nothing."""
    try:
        text = _read(run, training_curves.PATH)
    except DataError:
        return pd.DataFrame(columns=training_curves.COLUMNS)
    return pd.read_csv(io.StringIO(text))


def names() -> list[str]:
    """Experiments by name, then branches and tags."""
    with Repo() as repo:
        listed = repo.experiments.ls(all_commits=True)
        experiments = [name for found in listed.values() for name, _ in found if name]
        return [*experiments, *repo.scm.list_branches(), *repo.scm.list_tags()]


def _read(run: str, path: Path) -> str:
    try:
        if run == WORKSPACE:
            return path.read_text(encoding="utf-8")
        text: str = dvc.api.read(path.as_posix(), rev=run, encoding="utf-8")
        return text
    except RevError:
        known = names()
        raise DataError(
            f"{run!r} is no commit, branch, tag or experiment of this project."
            f"{did_you_mean(run, known)} Known: {', '.join([WORKSPACE, *known][:12])}"
        ) from None
    except FileNotFoundError:
        hint = "`dvc repro` makes it" if run == WORKSPACE else "`dvc fetch`, or run it again"
        raise DataError(f"{run}: {path} is not here: {hint}") from None
    except (DvcException, SCMError) as error:
        raise DataError(f"{run}: {path} can't be had: {first_line(error)}") from None
    except ValueError as error:
        raise DataError(f"{run}: {path}: {error}") from None
