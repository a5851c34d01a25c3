"""``swatchbook compare`` and ``swatchbook gate`` on real runs of a small project."""

import json
from pathlib import Path

import pytest
from support.project import Project

from swatchbook.project import stage

pytestmark = pytest.mark.pipeline


def swatchbook(project: Project, *arguments: str) -> tuple[int, str, str]:
    done = project.run("python", "-m", "swatchbook", *arguments, ok=False)
    return done.returncode, done.stdout, done.stderr


def test_commits_experiments_and_the_workspace_are_compared(runs: Project) -> None:
    code, said, _ = swatchbook(runs, "compare", "main", "trees", "workspace", "--json")
    assert code == 0
    held = json.loads(said)
    assert [part["b"] for part in held["comparisons"]] == ["trees", "workspace"]
    for part in held["comparisons"]:
        own = stage.metrics_of((runs.folder / "metrics/evaluation.json").read_text())
        if part["b"] == "workspace":
            assert part["metrics"]["accuracy"]["b"]["value"] == pytest.approx(
                own["accuracy"], abs=1e-6
            )
        assert part["images"] == own["test_images"]
        assert part["trained_in_a"] == part["trained_in_b"] == 0


def test_by_default_the_workspace_is_compared_and_a_page_written(runs: Project) -> None:
    code, said, more = swatchbook(runs, "compare", "main", "--html", "out/page.html")
    assert code == 0
    assert said.startswith("workspace (B) against main (A)")
    assert more == "compare: → out/page.html\n"
    page = (runs.folder / "out/page.html").read_text()
    assert page.count("data:image/png") == 3
    assert "not in this workspace" not in page


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["compare", "mian"],
            "'mian' is no commit, branch, tag or experiment of this project.",
        ),
        (["compare", "main", "main"], "a run is named twice"),
        (["compare", "main", "--md", "--json"], "choose one"),
        (["compare", "HEAD~1"], "HEAD~1: no dvc.lock here: nothing had run"),
        (["gate"], "nothing to check"),
        (["gate", "--min", "acuracy=0.5"], "Did you mean 'accuracy'"),
        (["gate", "--min", "accuracy=high"], "'accuracy=high' is not METRIC=NUMBER"),
        (["gate", "--min", "accuracy=nan"], "is not METRIC=NUMBER"),
        (["gate", "--min", "accuracy=71"], "accuracy is a share of 0 to 1; 71 % is 0.71"),
        (["gate", "--max", "log_loss=-1"], "log_loss is 0 or more"),
    ],
)
def test_mistakes_are_one_line(runs: Project, arguments: list[str], says: str) -> None:
    code, said, error = swatchbook(runs, *arguments)
    assert code == 2
    assert not said
    assert says in error
    assert error.count("\n") == 1


def test_a_run_whose_output_is_nowhere_is_told(runs: Project, tmp_path: Path) -> None:
    bare = tmp_path / "clone"
    runs.run("git", "clone", "-q", str(runs.folder), str(bare))
    project = Project(bare, tmp_path / "other")
    code, _, error = swatchbook(project, "compare", "main", "workspace")
    assert code == 2
    assert error.startswith("error: main: data/predictions.csv ")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--min", "accuracy=0.01", "--max", "log_loss=50"], 0, "pass: accuracy ≥ 0.01"),
        (["--max", "accuracy=0.3"], 1, "fail: accuracy ≤ 0.3"),
        (["--min", "accuracy=ITS", "--min", "accuracy=0.01"], 3, "can't tell: accuracy"),
        (["main", "--no-worse-than", "main~0"], 0, "pass: accuracy no worse than main~0"),
        (["--no-worse-than", "main", "--margin", "1"], 0, "by more than 1"),
    ],
)
def test_the_gate_tells_by_its_exit_code(
    runs: Project, arguments: list[str], code: int, says: str
) -> None:
    own = stage.metrics_of((runs.folder / "metrics/evaluation.json").read_text())
    between = (own["interval"]["accuracy"]["low"] + own["interval"]["accuracy"]["high"]) / 2
    arguments = [argument.replace("ITS", f"{between:.4f}") for argument in arguments]
    found = swatchbook(runs, "gate", *arguments)
    assert found[0] == code, found
    assert says in found[1]


def test_what_is_not_in_a_clone_is_said_with_a_cure(finished: Project, tmp_path: Path) -> None:
    clone = finished.cloned(tmp_path)  # U2
    gate = ("python", "-m", "swatchbook", "gate", "HEAD", "--no-worse-than")
    done = clone.run(*gate, "HEAD", ok=False)
    assert done.returncode == 2
    assert done.stderr == (
        "error: HEAD: data/predictions.csv is not in this clone, and no remote storage is set to "
        "have it from: run it again, or `dvc remote add --default NAME URL`\n"
    )
    done = clone.run(*gate, "origin/nothing", ok=False)
    assert "'origin/nothing' is no commit, branch, tag or experiment" in done.stderr
