"""The stage bundle; what it is made of: tests/bundle/test_bundling.py."""

from support.project import Project

from swatchbook.project import stage
from swatchbook.project.paths import MODEL

MADE = ("models/model.onnx", "models/golden/golden.json", "metrics/bundle.json")


def test_it_makes_the_same_bytes_again(project: Project) -> None:
    before = project.bytes(*MADE)
    for path in MADE:
        (project.folder / path).unlink()
    said = project.run("python", "-m", "stages.bundle").stdout
    assert "13 test images give the probabilities of data/predictions.csv" in said
    assert project.bytes(*MADE) == before


def test_a_failure_is_one_line_and_leaves_the_model(project: Project) -> None:
    before = project.bytes(*MADE)
    (project.folder / "models/classifier.onnx").unlink()
    done = project.run("python", "-m", "stages.bundle", ok=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: models/classifier.onnx: no such file")
    assert done.stderr.count("\n") == 1
    assert project.bytes(*MADE) == before


def test_its_metrics_tell_how_it_was_verified(finished: Project) -> None:
    found = stage.metrics_of((finished.folder / "metrics/bundle.json").read_text())
    assert found == {
        "images": 13, "largest_difference": 0.0, "float32_images": 13, "float32_agreement": 1.0,
        "golden_images": 8,
    }  # fmt: skip
    assert (finished.folder / MODEL).is_file()
