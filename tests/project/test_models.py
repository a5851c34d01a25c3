"""Model files that can't be trusted are refused."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from swatchbook.base.errors import NetworkError
from swatchbook.project import models


def small_model() -> onnx.ModelProto:
    weights = numpy_helper.from_array(np.ones((4, 2), np.float32), "weights")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["features", "weights"], ["probabilities"])],
        "g",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 2])],
        [weights],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_a_model_survives_with_its_facts() -> None:
    models.save(models.serialize(small_model(), {"kind": "x"}), models.CLASSIFIER)
    content, facts = models.load(models.CLASSIFIER, {"kind"})
    assert facts == {"kind": "x"}
    assert models.probabilities(content, np.ones((3, 4), np.float32)).tolist() == [[4, 4]] * 3


def test_weights_in_other_files_are_refused() -> None:  # E11
    model = small_model()
    tensor = model.graph.initializer[0]
    tensor.external_data.add(key="location", value="../../etc/passwd")
    tensor.data_location = TensorProto.EXTERNAL
    Path("m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(NetworkError, match="keeps weights in other files"):
        models.load(Path("m.onnx"), set())


@pytest.mark.parametrize("cut", [10, 100])
def test_a_damaged_file_is_refused(cut: int) -> None:  # E11
    Path("m.onnx").write_bytes(models.serialize(small_model(), {})[:-cut])
    with pytest.raises(NetworkError, match=r"m\.onnx"):
        models.load(Path("m.onnx"), {"kind"})


def test_a_missing_file_or_fact_is_an_error() -> None:
    with pytest.raises(NetworkError, match="no such file"):
        models.load(Path("m.onnx"), set())
    Path("m.onnx").write_bytes(models.serialize(small_model(), {}))
    with pytest.raises(NetworkError, match="its metadata lack 'kind'"):
        models.load(Path("m.onnx"), {"kind"})
