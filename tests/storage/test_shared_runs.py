"""Finished runs pushed by one clone are found by another, with all that they made."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML
from support.project import Project
from support.sharing import RESULTS, joined, shared
from support.storage_servers import Storage

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
    assert "14 runs pushed to 'shared'" in project.run(*CACHE, "push").stdout
    assert "0 runs pushed" in project.run(*CACHE, "push").stdout
    colleague = joined(project, storage, tmp_path / "colleague")
    colleague.run("dvc", "pull")
    assert "14 runs taken in" in colleague.run(*CACHE, "pull").stdout
    colleague.set("refine_dnn.resolution", "40")
    done = colleague.run("dvc", "repro", "--pull")
    assert "Running stage" not in done.stdout
    assert "Stage 'featurize' is cached - skipping run" in done.stdout
    assert colleague.bytes(*RESULTS) == made


@pytest.mark.parametrize("storage", ["http"], indirect=True)
def test_http_has_no_runs(storage: Storage, project: Project) -> None:
    shared(project, storage)
    assert "0 runs taken in" in project.run(*CACHE, "pull").stdout
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
    assert "7 runs pushed" in project.run(*CACHE, "push").stdout
    assert storage.folder
    (storage.folder / "runs" / "aa").mkdir(exist_ok=True)
    (storage.folder / "runs" / "aa" / "other").write_text("no run")
    colleague = joined(project, storage, tmp_path / "colleague")
    assert "7 runs taken in" in colleague.run(*CACHE, "pull").stdout
    assert "0 runs taken in" in colleague.run(*CACHE, "pull").stdout


def records(storage: Storage) -> list[Path]:
    assert storage.folder
    return sorted((storage.folder / "runs").glob("??/*/*"))


@pytest.mark.parametrize("storage", ["folder"], indirect=True)
def test_a_record_that_was_tampered_with_is_not_taken(
    storage: Storage, project: Project, tmp_path: Path
) -> None:
    shared(project, storage)
    project.run(*CACHE, "push")
    colleague = joined(project, storage, tmp_path / "colleague")
    record = records(storage)[0]
    content = record.read_text()
    # it says that the stage made another file, which is there as well
    md5 = content.split("md5: ")[-1][:32]
    record.write_text(content.replace(md5, "0" * 32))
    done = colleague.run(*CACHE, "pull", ok=False)
    assert done.returncode == 1
    assert "7 runs taken in" in done.stdout
    assert f"left out: {record.relative_to(record.parents[2])}" in done.stderr
    verify = ("python", "-m", "swatchbook", "verify", "--remote", "shared")
    assert (
        "1 of 8 records of runs of remote 'shared' are damaged"
        in colleague.run(*verify, ok=False).stdout
    )
    assert "1 taken away" in colleague.run(*verify, "--fix").stdout
    assert "1 runs pushed" in project.run(*CACHE, "push").stdout
    assert "1 runs taken in" in colleague.run(*CACHE, "pull").stdout


@pytest.mark.parametrize("storage", ["folder"], indirect=True)
def test_a_run_goes_with_the_whole_of_its_folders(storage: Storage, project: Project) -> None:
    shared(project, storage)
    rows = (project.folder / "dvc.lock").read_text()
    md5 = rows[rows.index("path: plots/evaluate") :].split("md5: ")[1][:36]
    listing = project.folder / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
    assert listing.name.endswith(".dir")
    content = listing.read_bytes()
    listing.chmod(0o644)
    listing.write_bytes(content[:-3])
    assert "7 runs pushed" in project.run(*CACHE, "push").stdout
    listing.write_bytes(content)
    assert "1 runs pushed" in project.run(*CACHE, "push").stdout


@pytest.mark.parametrize("storage", ["folder"], indirect=True)
def test_what_dvc_sent_without_its_outputs_is_completed(
    storage: Storage, project: Project, tmp_path: Path
) -> None:
    shared(project, storage)
    project.run("dvc", "push", "--run-cache")
    assert len(records(storage)) == 8
    assert "0 runs pushed" in project.run(*CACHE, "push").stdout
    colleague = joined(project, storage, tmp_path / "colleague")
    colleague.run(*CACHE, "pull")
    # as if nobody had committed the results: all but the images come from the records
    colleague.run("dvc", "pull", "acquire")
    lock = YAML(typ="safe").load(colleague.folder / "dvc.lock")
    lock["stages"] = {"acquire": lock["stages"]["acquire"]}
    YAML().dump(lock, colleague.folder / "dvc.lock")
    done = colleague.run("dvc", "repro", "--pull")
    assert "Running stage" not in done.stdout
    assert done.stdout.count("is cached - skipping run") == 8
    assert colleague.bytes(*RESULTS[1:]) == project.bytes(*RESULTS[1:])


@pytest.mark.parametrize("storage", ["folder"], indirect=True)
def test_ones_own_results_come_before_those_of_others(
    storage: Storage, project: Project, tmp_path: Path
) -> None:
    shared(project, storage)
    project.run(*CACHE, "push")
    colleague = joined(project, storage, tmp_path / "colleague")
    colleague.run(*CACHE, "pull")
    (taken, *_) = sorted((colleague.folder / ".dvc/cache/runs").glob("??/*/*"))
    (own, *_) = sorted((project.folder / ".dvc/cache/runs").glob("??/*/*"))
    assert taken.name == own.name
    assert taken.stat().st_mtime < own.stat().st_mtime - 3600
