"""Golden images: whoever gives other probabilities is found out."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from support.pictures import encoded, texture
from support.project import Project

from swatchbook.base.errors import NetworkError
from swatchbook.bundle import golden, model_file
from swatchbook.bundle.predictor import Predictor


@pytest.fixture
def deployed(finished: Project) -> Path:
    """A model and its golden images, free to be changed."""
    shutil.copytree(finished.folder / "models", "models")
    return Path("models/model.onnx")


def check(model: Path) -> float:
    return golden.check(
        golden.beside(model), Predictor(model_file.read(model), "auto", "onnxruntime", [1], 1)
    )


def test_a_sound_model_gives_what_it_must(deployed: Path) -> None:
    assert check(deployed) < 1e-5
    table = json.loads((golden.beside(deployed) / "golden.json").read_bytes())
    assert len(table["images"]) == 8


def altered(change: str, folder: Path) -> None:
    path = folder / "golden.json"
    table = json.loads(path.read_bytes())
    first = table["images"][0]
    match change:
        case "other probabilities":
            values = first["probabilities"]["float32"]
            values[0], values[1], values[2] = values[1], values[2], values[0]
        case "no number":
            first["probabilities"]["float32"][0] = float("nan")
        case "other pixels":
            (folder / first["file"]).write_bytes(encoded(texture(77, 2)))
        case "no pixels":
            (folder / first["file"]).write_bytes(b"")
        case "another model":
            table["model"] = "0" * 64
        case "no images":
            table["images"] = []
        case "a path":
            first["file"] = "../model.onnx"
        case "another precision":
            first["probabilities"] = {"int8": [1, 0, 0]}
        case "other classes":
            first["probabilities"]["float32"].append(0.0)
    path.write_text(json.dumps(table))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("other probabilities", "where it must give"),
        ("no number", "where it must give"),
        ("other pixels", "where it must give"),
        ("no pixels", "can't be read"),
        ("another model", "belongs to another model"),
        ("no images", "names no image"),
        ("a path", "is not a name in this folder"),
        ("another precision", "no expected probabilities at float32, only at int8"),
        ("other classes", "made for 4 classes, not 3"),
    ],
)
def test_whatever_is_wrong_is_refused(deployed: Path, change: str, says: str) -> None:
    altered(change, golden.beside(deployed))
    with pytest.raises(NetworkError, match=says):
        check(deployed)


def test_missing_ones_are_refused(deployed: Path) -> None:
    shutil.rmtree(golden.beside(deployed))
    with pytest.raises(NetworkError, match=r"golden\.json: no such file"):
        check(deployed)


def test_all_classes_take_turns_and_wrong_ones_are_left_out() -> None:
    test = pd.DataFrame(
        {
            "label": ["a"] * 5 + ["b"] * 3 + ["c"],
            "predicted": ["a", "a", "a", "a", "b", "b", "b", "b", "a"],
            "confidence": [0.5, 0.6, 0.7, 1.0, 0.9, 0.9, 0.8, 0.7, 0.6],
        }
    )
    assert golden.choose(test, 4) == [1, 6, 2, 5]
    assert sorted(golden.choose(test, 99)) == [0, 1, 2, 3, 5, 6, 7]
