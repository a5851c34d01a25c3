"""All runs of a small project, and ``swatchbook runs`` that lists them."""

import csv
import io
import json

import pytest
from PIL import Image
from support.project import Project

from swatchbook.project import stage

pytestmark = pytest.mark.pipeline


def listed(project: Project, *arguments: str) -> tuple[str, str]:
    done = project.run("python", "-m", "swatchbook", "runs", *arguments)
    return done.stdout, done.stderr


def as_json(project: Project, *arguments: str) -> dict[str, dict[str, object]]:
    return {row["run"]: row for row in json.loads(listed(project, "--json", *arguments)[0])}


def test_every_run_has_its_changes_figures_times_and_device(runs: Project) -> None:
    found = as_json(runs)
    own = stage.metrics_of((runs.folder / "metrics/evaluation.json").read_text())
    assert set(found) > {"workspace", "trees"}
    assert found["trees"]["kind"] == "experiment"
    assert found["workspace"]["train_classifier.kind"] == "logistic"
    assert found["trees"]["train_classifier.kind"] == "random_forest"
    commit = next(row for row in found.values() if row["kind"] == "commit")
    assert commit["train_classifier.kind"] == "svm"
    assert found["workspace"]["accuracy"] == pytest.approx(own["accuracy"])
    assert found["workspace"]["accuracy_low"] == pytest.approx(own["interval"]["accuracy"]["low"])
    for name in ("workspace", "trees"):
        for done in ("acquire", "featurize", "train_classifier", "evaluate"):
            assert found[name][f"{done}_seconds"] > 0
        assert str(found[name]["device"]).endswith(", float32")
    # what did not run again is the same time
    assert found["trees"]["featurize_seconds"] == found["workspace"]["featurize_seconds"]
    assert found["trees"]["evaluate_seconds"] != found["workspace"]["evaluate_seconds"]


def test_they_are_filtered_and_sorted(runs: Project) -> None:
    assert set(as_json(runs, "--only", "experiment")) == {"trees"}
    assert set(as_json(runs, "--where", "train_classifier.kind=logistic")) == {"workspace"}
    assert set(as_json(runs, "--where", "split.folds=3", "--only", "workspace")) == {"workspace"}
    for key, sign in (("accuracy", -1), ("log_loss", 1)):
        rows = [row for row in as_json(runs, "--sort", key).values() if row[key] is not None]
        values = [sign * float(str(row[key])) for row in rows]
        assert values == sorted(values)
    kinds = [
        row["train_classifier.kind"]
        for row in as_json(runs, "--sort", "train_classifier.kind").values()
    ]
    assert kinds == sorted(kinds)  # type: ignore[type-var]


def test_csv_and_markdown_hold_the_same_runs(runs: Project) -> None:
    rows = list(csv.DictReader(io.StringIO(listed(runs, "--csv")[0])))
    assert {row["run"] for row in rows} == set(as_json(runs))
    page = listed(runs, "--md", "--only", "experiment", "--only", "workspace")[0]
    assert page.startswith("| run")
    assert "train_classifier.kind=random_forest" in page
    assert listed(runs, "--where", "split.seed=99")[0] == "no runs\n"


def test_a_picture_shows_what_differs(runs: Project) -> None:
    _, said = listed(runs, "--plot", "out/runs.png")
    assert said == "runs: → out/runs.png\n"
    with Image.open(runs.folder / "out/runs.png") as picture:
        assert min(picture.size) > 300


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--sort", "acuracy"], "Did you mean 'accuracy'?"),
        (["--where", "split.fold=3"], "Did you mean 'split.folds'?"),
        (["--where", "split.folds"], "'split.folds' is not PARAMETER=VALUE"),
        (["--only", "experiment", "--plot", "x.png"], "1 runs, 0 parameters that differ"),
    ],
)
def test_mistakes_are_one_line(runs: Project, arguments: list[str], says: str) -> None:
    done = runs.run("python", "-m", "swatchbook", "runs", *arguments, ok=False)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
