"""Experiments and clones by DVC's own commands."""

import json
from pathlib import Path

import pytest
from support.project import FROM_NETWORK, Project

pytestmark = pytest.mark.pipeline


def test_experiments_run_in_a_temporary_copy_and_compare(project: Project) -> None:
    """`--temp` copies only what git and DVC track: the images must still be found."""
    project.run("dvc", "exp", "run", "--temp", "-n", "other", "-S", "refine_dnn.resolution=40")
    table = json.loads(project.run("dvc", "exp", "show", "--json").stdout)
    assert "other" in {exp["name"] for row in table for exp in row["experiments"] or []}
    difference = json.loads(project.run("dvc", "metrics", "diff", "HEAD", "other", "--json").stdout)
    assert "metrics/evaluation.json" in difference
    params = json.loads(project.run("dvc", "params", "diff", "HEAD", "other", "--json").stdout)
    assert params["params.yaml"]["refine_dnn.resolution"] == {"old": 32, "new": 40, "diff": 8}
    plots = json.loads(project.run("dvc", "plots", "diff", "HEAD", "other", "--json").stdout)
    assert not plots.get("errors")
    confusion = plots["data"]["Confusion on the test part"][0]["content"]
    assert {row["rev"] for row in confusion["data"]["values"]} == {"HEAD", "other"}


def test_a_clone_fetches_and_computes_only_what_a_change_asks_for(
    project: Project, tmp_path: Path
) -> None:
    project.run("dvc", "remote", "add", "--default", "shared", str(tmp_path / "remote"))
    project.commit("remote")
    project.run("dvc", "push")
    clone = Project(tmp_path / "clone", tmp_path / "clone-cache")
    project.run("git", "clone", "-q", str(project.folder), str(clone.folder))
    clone.set("refine_dnn.resolution", "40")
    ran = clone.repro("--pull", "--allow-missing")
    assert ran == FROM_NETWORK
