"""What makes the tests quicker changes nothing of what they see."""

import io

import pytest
from dvc.utils.serialize import _yaml
from support import lock_files
from support.project import ROOT, Project


def test_lock_files_have_the_bytes_that_dvc_writes() -> None:
    text = (ROOT / "dvc.lock").read_text(encoding="utf-8")
    assert lock_files.dumped(lock_files.load(text)) == text
    by_dvc = io.StringIO()
    _yaml._dump(_yaml.parse_yaml_for_update(text, "dvc.lock"), by_dvc)
    assert by_dvc.getvalue() == text


@pytest.mark.pipeline
def test_a_quick_process_leaves_what_one_of_its_own_does(project: Project) -> None:
    names = ("dvc.lock", "data/split.csv", "models/network.onnx")
    before = project.bytes(*names)
    project.set("split.seed", "1")
    project.run("dvc", "repro", "refine_dnn")
    quick = project.bytes(*names)
    assert quick[:2] != before[:2]
    project.run("git", "checkout", "-q", "dvc.lock")
    (project.folder / "data/split.csv").unlink()
    project.environment |= {"PYTHONDONTWRITEBYTECODE": "1"}  # launched for itself
    project.run("dvc", "repro", "refine_dnn")
    assert project.bytes(*names) == quick
