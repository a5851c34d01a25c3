"""The bundle: one ONNX file that says what it is, and is refused where it isn't."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from support.project import Project

from swatchbook.base.errors import NetworkError
from swatchbook.bundle import abstention, model_file
from swatchbook.project import models
from swatchbook.project.paths import MODEL


@pytest.fixture
def model(finished: Project) -> Path:
    return finished.folder / MODEL


def test_it_runs_in_bare_onnx_runtime(model: Path) -> None:
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    assert (given.name, given.type, given.shape[1:]) == ("images", "tensor(uint8)", [32, 32, 3])
    assert [out.name for out in session.get_outputs()] == ["probabilities", "label", "features"]
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    probabilities, label, features = session.run(None, {"images": pixels})
    assert probabilities.shape == (3, 3)
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (label == probabilities.argmax(axis=1)).all()
    assert features.shape == (3, 96)


def test_it_says_what_it_was_made_of(model: Path) -> None:
    found = model_file.read(model)
    assert found.labels == ["blue", "green", "red"]
    assert found.precision == "float32"
    for key in ("data", "parameters", "predictions", "network", "classifier"):
        assert len(found.metadata[key]) == 64
    assert len(found.metadata["code"]) == 40
    assert found.metadata["data_set"] == "tiny"
    assert "onnxruntime" in found.metadata["versions"]
    assert found.rules[0].threshold == 0
    assert abstention.least(found.rules, 1.0) == found.rules[0]


def test_a_set_of_operators_is_named_once(model: Path) -> None:  # U10
    """Twice, as merging leaves it, makes tools that quantise refuse the file."""
    domains = [one.domain for one in onnx.load(model).opset_import]
    assert domains == [""]


def test_its_parts_are_the_network_and_the_classifier(model: Path) -> None:
    found = model_file.read(model)
    pixels = np.random.default_rng(1).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    providers = ["CPUExecutionProvider"]
    whole = onnxruntime.InferenceSession(found.content, providers=providers)
    probabilities, _, features = whole.run(None, {"images": pixels})
    network = onnxruntime.InferenceSession(found.network, providers=providers)
    assert (network.run(None, {"images": pixels})[0] == features).all()
    assert (models.probabilities(found.classifier, features) == probabilities).all()


def with_fact(key: str, value: str | None) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        facts = {entry.key: entry.value for entry in model.metadata_props}
        facts.pop(key)
        if value is not None:
            facts[key] = value
        onnx.helper.set_model_props(model, facts)

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (with_fact("swatchbook", None), "not a bundle, its metadata lack 'swatchbook'"),
        (with_fact("swatchbook", "99"), "a bundle of format '99'; this version reads '1'"),
        (with_fact("door_version", "0"), "made for version 0 of the preprocessing"),
        (with_fact("labels", '["a", "b"]'), "probabilities are [3] in its graph but [2]"),
        (with_fact("labels", "?"), "its metadata can't be read"),
        (with_fact("resolution", "64"), "images are [32, 32, 3] in its graph but [64, 64, 3]"),
        (with_fact("abstention", '[{"threshold": 1}]'), "its metadata can't be read"),
    ],
)
def test_a_stale_or_foreign_model_is_refused(  # F15
    model: Path, change: Callable[[onnx.ModelProto], None], says: str
) -> None:
    other = onnx.load(model)
    change(other)
    onnx.save(other, "other.onnx")
    with pytest.raises(NetworkError) as caught:
        model_file.read(Path("other.onnx"))
    assert says in str(caught.value)


def test_a_damaged_or_missing_file_is_refused(model: Path) -> None:  # F14
    Path("half.onnx").write_bytes(model.read_bytes()[:1000])
    with pytest.raises(NetworkError, match="not an ONNX file"):
        model_file.read(Path("half.onnx"))
    with pytest.raises(NetworkError, match="no such file"):
        model_file.read(Path("none.onnx"))


def test_weights_in_other_files_are_refused(model: Path) -> None:
    other = onnx.load(model)
    onnx.save(other, "other.onnx", save_as_external_data=True, location="weights", size_threshold=0)
    with pytest.raises(NetworkError, match="keeps weights in other files"):
        model_file.read(Path("other.onnx"))


def test_reading_apart_is_reading(model: Path) -> None:
    apart, here = model_file.read_apart(model, 0), model_file.read(model)
    assert apart == here
    assert (apart.network, apart.classifier, apart.digest) == (
        here.network, here.classifier, here.digest,
    )  # fmt: skip
    with pytest.raises(NetworkError, match="no such file"):
        model_file.read_apart(Path("none.onnx"), 0)
