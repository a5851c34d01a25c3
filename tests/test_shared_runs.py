"""Finished runs pushed by one clone are found by another, with all that they made."""

from pathlib import Path

import pytest
from conftest import Project
from storage_servers import Storage
from test_sharing import RESULTS, joined, shared

pytestmark = pytest.mark.pipeline

CACHE = ("python", "-m", "swatchbook", "cache")


@pytest.mark.parametrize("storage", ["folder", "s3"], indirect=True)
def test_finished_runs_are_shared(storage: Storage, project: Project, tmp_path: Path) -> None:
    shared(project, storage)
    project.set("refine_dnn.resolution", "40")
    project.repro()
    made = project.bytes(*RESULTS)
    # of what was tried and not committed too
    project.run("git", "checkout", "-q", ".")
    project.run("dvc", "checkout", "-q")
    assert "12 runs pushed to 'shared'" in project.run(*CACHE, "push").stdout
    assert "0 runs pushed" in project.run(*CACHE, "push").stdout
    colleague = joined(project, storage, tmp_path / "colleague")
    colleague.run("dvc", "pull")
    assert "12 runs taken in" in colleague.run(*CACHE, "pull").stdout
    colleague.set("refine_dnn.resolution", "40")
    done = colleague.run("dvc", "repro", "--pull")
    assert "Running stage" not in done.stdout
    assert "Stage 'featurize' is cached - skipping run" in done.stdout
    assert colleague.bytes(*RESULTS) == made


@pytest.mark.parametrize("storage", ["http"], indirect=True)
def test_http_has_no_runs(storage: Storage, project: Project, tmp_path: Path) -> None:
    shared(project, storage)
    assert "and 0 runs taken in" in project.run(*CACHE, "pull").stdout
    refused = project.run(*CACHE, "push", ok=False)
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: remote 'shared': http://")
    assert "it is for reading" in refused.stderr


@pytest.mark.parametrize("storage", ["folder"], indirect=True)
def test_only_whole_runs_are_sent_and_only_runs_are_taken(
    storage: Storage, project: Project, tmp_path: Path
) -> None:
    shared(project, storage)
    # a run whose result is no longer in DVC's cache
    rows = (project.folder / "dvc.lock").read_text()
    start = rows.index("path: models/classifier.onnx")
    md5 = rows[start:].split("md5: ")[1][:32]
    (project.folder / ".dvc/cache/files/md5" / md5[:2] / md5[2:]).unlink()
    assert "and 6 runs pushed" in project.run(*CACHE, "push").stdout
    assert storage.folder
    (storage.folder / "runs" / "aa").mkdir(exist_ok=True)
    (storage.folder / "runs" / "aa" / "other").write_text("no run")
    colleague = joined(project, storage, tmp_path / "colleague")
    assert "and 6 runs taken in" in colleague.run(*CACHE, "pull").stdout
    assert "and 0 runs taken in" in colleague.run(*CACHE, "pull").stdout
