"""A bundle is put in place only where it gives the probabilities that were measured."""

import json
from pathlib import Path

import pytest
from support.project import Project

MADE = ("models/model.onnx", "models/golden/golden.json")


def command(project: Project, *options: str) -> tuple[int, str, str]:
    done = project.run("python", "-m", "swatchbook", "bundle", *options, ok=False)
    return done.returncode, done.stdout, done.stderr


def test_the_command_makes_the_bytes_of_the_stage(project: Project) -> None:
    before = project.bytes(*MADE)
    code, said, _ = command(project)
    assert code == 0
    assert "13 test images give the probabilities of data/predictions.csv" in said
    assert "8 golden images → models/model.onnx" in said
    assert project.bytes(*MADE) == before
    assert project.repro() == set()


def test_other_probabilities_keep_the_old_model(project: Project) -> None:
    before = project.bytes(*MADE)
    path = project.folder / "data/predictions.csv"
    header, *rows = path.read_text().splitlines()
    fields = rows[0].split(",")
    assert fields[4] == "test"
    fields[7], fields[8] = fields[8], fields[7]
    path.write_text("\n".join([header, ",".join(fields), *rows[1:]]) + "\n")
    code, _, errors = command(project)
    assert code == 2
    assert errors.startswith("error: bundle: gives other probabilities than data/predictions.csv")
    assert len(errors.splitlines()) == 1
    assert project.bytes(*MADE) == before


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        ("models/network.onnx", "models/network.onnx: no such file; `dvc repro` makes it"),
        ("data/predictions.csv", "data/predictions.csv: no such file; `dvc repro` makes it"),
        ("data/images", "vanished; `dvc pull data/images` brings the images"),
    ],
)
def test_what_is_missing_is_named(project: Project, missing: str, says: str) -> None:
    (project.folder / missing).rename(project.folder / "elsewhere")
    code, _, errors = command(project)
    assert code == 2
    assert says in errors


def test_a_model_can_be_checked_where_it_will_serve(project: Project, tmp_path: Path) -> None:
    elsewhere = tmp_path / "srv"
    (project.folder / "models").rename(elsewhere)
    model = str(elsewhere / "model.onnx")
    code, said, _ = command(project, "--check", "--model", model)
    assert (code, "gives the probabilities it must" in said) == (0, True)
    table = json.loads((elsewhere / "golden/golden.json").read_bytes())
    table["images"][0]["probabilities"]["float32"].reverse()
    (elsewhere / "golden/golden.json").write_text(json.dumps(table))
    code, _, errors = command(project, "--check", "--model", model)
    assert (code, "where it must give" in errors) == (2, True)
