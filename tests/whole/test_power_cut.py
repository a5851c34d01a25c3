"""A power cut loses what was never synced: every output of ours is, and the rest is mended.

The model: of each file that took its name by a rename, a Python that starts with SITE notes whether
its bytes were synced before; then those that were not are emptied, as a file system may leave them.
"""

from pathlib import Path
from typing import NamedTuple

import pytest
from support.project import STAGES, Project, new_project

pytestmark = pytest.mark.pipeline

RESULTS = ("data/predictions.csv", "models/classifier.onnx", "models/network.onnx",
           "data/split.csv", "data/suspects.csv", "metrics/evaluation.json")  # fmt: skip
SITE = """
import os
import sys

synced = {}
fsync = os.fsync


def noting_fsync(descriptor):
    fsync(descriptor)
    state = os.fstat(descriptor)
    synced[state.st_dev, state.st_ino] = state.st_size, state.st_mtime_ns


def noting(rename):
    def renamed(source, target, **options):
        state = os.stat(source)
        key, content = (state.st_dev, state.st_ino), (state.st_size, state.st_mtime_ns)
        rename(source, target, **options)
        with open(os.environ["RENAMED"], "a") as log:
            log.write(
                f"{int(synced.get(key) == content)} {os.path.basename(sys.argv[0])} "
                f"{os.path.abspath(os.fspath(target))}\\n"
            )
    return renamed


os.fsync = noting_fsync
os.replace, os.rename = noting(os.replace), noting(os.rename)
"""


class Renamed(NamedTuple):
    path: Path
    program: str
    synced: bool


@pytest.fixture(scope="module")
def noted(
    tmp_path_factory: pytest.TempPathFactory, tiny_source: Path
) -> tuple[Project, list[Renamed]]:
    """A project after a run, and every rename of it, in order."""
    parent = tmp_path_factory.mktemp("noted")
    project = new_project(parent, tiny_source, parent / "cache")
    (parent / "site").mkdir()
    (parent / "site" / "sitecustomize.py").write_text(SITE)
    log = parent / "renamed"
    project.environment |= {"RENAMED": str(log)}
    project.start_with(PYTHONPATH=str(parent / "site"), RENAMED=str(log))
    project.repro()
    project = Project(project.folder, parent / "cache")
    rows = [line.split(" ", 2) for line in log.read_text().splitlines()]
    return project, [Renamed(Path(path), program, synced == "1") for synced, program, path in rows]


def test_every_output_is_synced_before_it_has_its_name(
    noted: tuple[Project, list[Renamed]],
) -> None:  # D06
    project, renamed = noted
    outputs = [
        path
        for folder in ("data", "models", "plots", "metrics")
        for path in (project.folder / folder).rglob("*")
        if path.is_file()
    ]
    assert len(outputs) > 80
    # DVC then puts a copy of its own in the place of some
    ours = [one for one in renamed if one.program.removesuffix(".py") in STAGES]
    assert [one for one in ours if not one.synced] == []
    written = {one.path for one in ours}
    assert [path for path in outputs if path not in written] == []


def test_after_a_power_cut_the_next_run_has_the_same_results(
    noted: tuple[Project, list[Renamed]],
) -> None:  # D06
    project, renamed = noted
    before = project.bytes(*RESULTS)
    last = {one.path: one.synced for one in renamed}
    lost = [path for path, synced in last.items() if not synced and path.is_file()]
    # DVC syncs neither its objects nor its copies of outputs
    assert any(".dvc/cache/files" in path.as_posix() for path in lost)
    assert project.folder / "models/network.onnx" in lost
    # and what it writes in place
    lost += [project.folder / "dvc.lock", project.folder / ".dvc/tmp/rwlock"]
    for path in lost:
        if path.exists():
            path.chmod(0o644)
        path.write_bytes(b"")
    assert project.run("dvc", "repro", ok=False).returncode != 0
    for command in ("doctor", "verify"):
        project.run("python", "-m", "swatchbook", command, "--fix", ok=False)
    project.repro()
    assert project.bytes(*RESULTS) == before
    assert "problem" not in project.run("python", "-m", "swatchbook", "doctor").stdout
    assert "problem" not in project.run("python", "-m", "swatchbook", "verify").stdout
