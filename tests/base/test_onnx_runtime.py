"""ONNX Runtime runs networks and tells nobody."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from swatchbook.base import onnx_runtime


def doubling() -> bytes:
    shape = ["n"]
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        "doubling",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    )
    opsets = [helper.make_opsetid("", 17)]
    return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


@pytest.mark.parametrize("make", [onnx_runtime.session, onnx_runtime.plain_session])
def test_it_runs_a_network(make: object) -> None:
    session = make(doubling())  # type: ignore[operator]
    (found,) = session.run(["y"], {"x": np.array([1.5, 2], np.float32)})
    assert found.tolist() == [3, 4]


def test_no_telemetry_is_prepared(tmp_path: Path) -> None:
    """Its own database and the number of this machine would stand below the home folder."""
    silent = {"CI", "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME"}
    environment = {name: value for name, value in os.environ.items() if name not in silent}
    network = tmp_path / "network.onnx"
    network.write_bytes(doubling())
    code = (
        "import pathlib, sys\n"
        "from swatchbook.base import onnx_runtime\n"
        "onnx_runtime.session(pathlib.Path(sys.argv[1]).read_bytes())\n"
    )
    home = tmp_path / "home"
    home.mkdir()
    subprocess.run(
        [sys.executable, "-c", code, network], check=True,
        env={**environment, "HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert list(home.rglob("*")) == []
