"""What leaves here works in the tools of others (docs/predicting.md)."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.project import ROOT, Project

from swatchbook.prediction import prediction_files
from swatchbook.prediction.predictions import Prediction
from swatchbook.project.paths import MODEL

ROWS = [
    Prediction("a.png", "ab", "ok", "", "ré,d", 0.75, [("ré,d", 0.75), ("blue", 0.25)]),
    Prediction("b\n.png", "", "refused", "not_image"),
    Prediction("c.png", "ef", "not_sure", "", "", 0.5, [("blue", 0.5), ("ré,d", 0.5)]),
]


def given(tool: str, file: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "support.other_tools", tool, str(file)], text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")}, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("tool", "most"),
    [("optimiser", 1e-4), ("quantisation", 0.1)],
)
def test_a_copy_of_the_model_answers_the_same(finished: Project, tool: str, most: float) -> None:
    assert given(tool, finished.folder / MODEL)["difference"] < most


def test_the_model_is_valid_with_all_its_shapes(finished: Project) -> None:
    assert given("checker", finished.folder / MODEL)["is_valid"]


def test_openvino_takes_it_with_its_defaults(finished: Project) -> None:
    found = given("openvino", finished.folder / MODEL)
    assert found["difference"] < 0.05  # bfloat16 where the processor has it
    assert found["difference_float32"] < 1e-4


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet"])
def test_predictions_are_read_by_pandas_and_duckdb(name: str) -> None:
    path = Path.cwd() / name
    prediction_files.write(iter(ROWS), path, 2)
    assert given("duckdb", path) == {"rows": 3, "refused": 1, "mean": 0.625}
    frame = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    assert frame["confidence"].mean() == 0.625
