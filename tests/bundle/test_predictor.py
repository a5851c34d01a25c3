"""A bundle at work: the numbers that were measured, in any batch."""

import numpy as np
import pytest
from support.project import Project

from swatchbook.base.errors import NetworkError
from swatchbook.bundle import model_file, predictor
from swatchbook.bundle.model_file import Bundle
from swatchbook.bundle.predictor import Predictor
from swatchbook.inference import engines
from swatchbook.project.paths import MODEL


@pytest.fixture(scope="module")
def made(finished: Project) -> Bundle:
    return model_file.read(finished.folder / MODEL)


def some_pixels(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_every_batch_size_gives_the_numbers_of_bare_onnx_runtime(made: Bundle, engine: str) -> None:
    at_work = Predictor(made, "auto", engine, [1, 2, 4], 2)
    pixels = some_pixels(4)
    expected = predictor.bare(made, pixels)
    for count in (1, 2, 3, 4):
        found = at_work(pixels[:count])
        assert found.features.shape == (count, 96)
        assert np.abs(found.probabilities - expected[:count]).max() <= 1e-5
    assert (at_work.engine, at_work.precision) == (engine, "float32")
    assert at_work.labels == ["blue", "green", "red"]


def test_without_bfloat16_a_model_of_it_runs_in_float32(made: Bundle) -> None:
    of_bfloat16 = Bundle(
        made.content, {**made.metadata, "precision": "bfloat16"}, made.labels, made.rules
    )
    assert Predictor(of_bfloat16, "auto", "onnxruntime", [1], 1).precision == "float32"
    if "bfloat16" in engines.precisions("openvino"):
        assert Predictor(of_bfloat16, "auto", "openvino", [1], 1).precision == "bfloat16"
    with pytest.raises(NetworkError, match="bfloat16 is not to be had here"):
        Predictor(made, "bfloat16", "onnxruntime", [1], 1)
