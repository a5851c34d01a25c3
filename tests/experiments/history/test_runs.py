"""What a run left behind; commits and experiments are in test_compare."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from support.run_tables import run

from swatchbook.base.errors import DataError
from swatchbook.experiments.history import runs
from swatchbook.project import tables


def test_the_workspace_is_read_as_it_is() -> None:
    rows = run(np.ones(4, bool), np.arange(4) % 2)
    tables.PREDICTIONS.write(rows, ("p_cat", "p_dog"))
    assert list(runs.predictions("workspace")["sha256"]) == list(rows["sha256"])
    Path("metrics").mkdir()
    Path("metrics/evaluation.json").write_text(json.dumps({"accuracy": 0.5}))
    assert runs.evaluation("workspace") == {"accuracy": 0.5}
    assert runs.training("workspace").empty


def test_what_is_missing_or_no_table_names_the_run() -> None:
    with pytest.raises(DataError, match=r"workspace: data/predictions\.csv is not here: `dvc"):
        runs.predictions("workspace")
    Path("data").mkdir()
    Path("data/predictions.csv").write_text("sha256,path\n1,2\n")
    with pytest.raises(DataError, match=r"workspace: data/predictions\.csv: column 'label' is"):
        runs.predictions("workspace")
    Path("data/predictions.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"workspace: data/predictions\.csv: "):
        runs.predictions("workspace")


def test_metrics_that_are_no_json_name_the_run() -> None:
    Path("metrics").mkdir()
    Path("metrics/evaluation.json").write_text("{")
    with pytest.raises(DataError, match=r"workspace: metrics/evaluation\.json: not JSON"):
        runs.evaluation("workspace")


def test_outside_a_project_it_says_so() -> None:
    with pytest.raises(DataError, match="main: no history of runs here"):
        runs.predictions("main")
    subprocess.run(["git", "init", "-q"], check=True)
    with pytest.raises(DataError, match="'main' is no commit"):
        runs.predictions("main")
