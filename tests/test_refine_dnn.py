"""The refine_dnn stage: nothing is replaced unless it agrees, and images must be there."""

import shutil

import pytest
from conftest import Project

pytestmark = pytest.mark.pipeline


@pytest.mark.parametrize("trouble", ["no images", "no weights"])
def test_a_failure_is_one_line_and_leaves_the_network_alone(project: Project, trouble: str) -> None:
    before = project.bytes("models/network.onnx")
    if trouble == "no images":
        shutil.rmtree(project.folder / "data/images")
    else:
        project.set("refine_dnn.pretrained", "nothing.pth")
    done = project.run("python", "-m", "stages.refine_dnn", ok=False)
    assert done.returncode == 2
    assert ("dvc pull data/images" if trouble == "no images" else "is no file") in done.stderr
    assert project.bytes("models/network.onnx") == before
