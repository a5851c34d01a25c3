"""What DVC shows of runs fits a screen, however many classes there are."""

import random
from pathlib import Path

import pytest
from support.project import ROOT, Project

from swatchbook.evaluation.headlines import COLUMNS, HEADLINES
from swatchbook.project import stage

PARAMS = {"refine_dnn": {"resolution": 224}, "train_classifier": {"kind": "svm"}}
YAML = """\
stages:
  all:
    cmd: "true"
    deps: [data/features.parquet]
    params: [refine_dnn, train_classifier]
    metrics: [{metrics}]
"""


def write(classes: int, seed: int, resolution: int, kind: str) -> None:
    """What a run of a data set of so many classes leaves, with made-up figures."""
    figures = random.Random(seed)
    names = [f"class number {number}" for number in range(classes)]
    counts = dict.fromkeys(names, 10)
    Path("data/features.parquet").write_bytes(bytes([seed]))
    Path("params.yaml").write_text(
        f"refine_dnn:\n  resolution: {resolution}\ntrain_classifier:\n  kind: {kind}\n"
    )
    stage.write_metrics("acquire", {"images": 2000, "per_class": counts}, ("images",))
    stage.write_metrics("split", {"train": 1500, "per_class": counts})
    stage.write_metrics("train_classifier", {"cv": figures.random()}, ("cv",))
    values = {name: figures.random() for name in HEADLINES}
    found = {
        **{short: values[name] for name, short in COLUMNS.items()}, **values,
        "interval": {name: {"low": 0.1, "high": 0.9} for name in HEADLINES},
        "per_class": {name: {"precision": figures.random()} for name in names},
    }  # fmt: skip
    stage.write_metrics("evaluate", found, COLUMNS.values())


@pytest.mark.parametrize("classes", [3, 200])
def test_a_grid_over_two_parameters_fits_160_columns(classes: int, bare: Project) -> None:
    names = ("acquire", "split", "train_classifier", "evaluate")
    listed = ", ".join(f"{{{stage.metrics_path(name)}: {{cache: false}}}}" for name in names)
    Path("dvc.yaml").write_text(YAML.format(metrics=listed))
    Path("data").mkdir()
    write(classes, 0, 224, "svm")
    bare.commit("first")
    grid = [(size, kind) for size in (320, 448) for kind in ("logistic", "random_forest")]
    for number, (resolution, kind) in enumerate(grid, 1):
        write(classes, number, resolution, kind)
        bare.run("dvc", "exp", "save", "--force", "-n", f"nasty-tune-{number}")
    bare.environment["COLUMNS"] = "160"
    # the command of docs/experiments.md: a changed file is a column of 32 digits, and DVC has no
    # setting that leaves it out
    drop = "(data|models|stages|swatchbook)/|State|Executor|Created"
    assert f"--drop '{drop}'" in (ROOT / "docs/experiments.md").read_text(encoding="utf-8")
    command = ("dvc", "exp", "show", "--only-changed", "--no-pager", "--drop", drop)
    shown = bare.run(*command).stdout
    # a table that is cut ends its lines with an ellipsis
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 160
    for column in (*COLUMNS.values(), "cv", "refine_dnn.resolution"):
        assert column in shown
    difference = bare.run("dvc", "metrics", "diff", "HEAD", "nasty-tune-1").stdout.splitlines()
    assert len(difference) <= 24
    assert max(map(len, difference)) <= 100
