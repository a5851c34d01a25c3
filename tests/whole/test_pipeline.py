"""The whole DAG with real DVC on a tiny data set: what runs, what doesn't, what comes back."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from support.project import STAGES, Project, new_project

from swatchbook.base import files

pytestmark = pytest.mark.pipeline

RESULTS = (
    "data/manifest.csv", "data/curated.csv", "data/split.csv", "data/predictions.csv",
    "metrics/acquire.json", "metrics/dedupe.json", "metrics/split.json", "metrics/refine_dnn.json",
    "metrics/featurize.json", "metrics/train_classifier.json", "metrics/evaluation.json",
    "data/suspects.csv", "metrics/suspects.json", "metrics/bundle.json",
)  # fmt: skip


def test_a_second_repro_does_nothing(project: Project) -> None:
    assert project.repro() == set()


def test_settings_of_the_machine_run_nothing_again(project: Project) -> None:
    project.environment |= {"SWATCHBOOK_WORKERS": "1", "SWATCHBOOK_BATCH": "3"}
    assert project.repro() == set()


def test_deleted_outputs_come_back_by_checkout(project: Project) -> None:
    before = project.bytes(*RESULTS)
    for name in ("data", "models", "plots"):
        shutil.rmtree(project.folder / name)
    project.run("dvc", "checkout")
    assert project.bytes(*RESULTS) == before
    assert project.repro() == set()


def test_the_same_seed_gives_the_same_bytes_in_another_clone(
    finished: Project, tiny_source: Path, tmp_path: Path
) -> None:  # D15
    other = new_project(tmp_path / "prüfung 试", tiny_source, tmp_path / "other-cache")
    other.start_with(PYTHONHASHSEED="12345")
    other.environment |= {"SWATCHBOOK_WORKERS": "3"}
    assert other.repro() == set(STAGES)
    for path, here, there in zip(
        RESULTS, finished.bytes(*RESULTS), other.bytes(*RESULTS), strict=True
    ):
        assert here == there, path


def test_a_wrong_parameter_stops_before_any_work(project: Project) -> None:
    project.set("evaluate.resamples", "many")
    project.set("acquire.max_bad_fraction", "0.25")
    # what `make repro` does first
    done = project.run("python", "-m", "swatchbook", "params", "check", ok=False)
    assert done.returncode == 2
    assert "error: evaluate.resamples: 'many' is not allowed" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    # `dvc repro` alone comes as far as the stage whose own parameter it is
    before = project.bytes("data/predictions.csv")
    done = project.run("dvc", "repro", ok=False)
    assert "error: evaluate.resamples: 'many' is not allowed" in done.stderr
    assert "Traceback" not in done.stderr
    project.run("git", "checkout", "-q", ".")
    project.run("dvc", "checkout")
    assert project.bytes("data/predictions.csv") == before


def test_a_second_stage_at_once_is_refused(project: Project, tmp_path: Path) -> None:
    key = files.digest(os.fsencode(project.folder.resolve()))[:16]
    lock = Path(project.environment["SWATCHBOOK_CACHE"]) / "locks" / f"{key}.lock"
    with files.locked(lock, "test"):
        done = project.run("python", "-m", "stages.dedupe", ok=False)
    assert done.returncode == 2
    assert "another stage is at work" in done.stderr


def test_two_runs_at_once_do_no_harm(project: Project, finished: Project) -> None:  # D11
    both = [
        subprocess.Popen(
            ["dvc", "repro", "--force"], cwd=project.folder, env=project.quick_environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    said = [one.communicate(timeout=120)[1] for one in both]
    assert 0 in [one.returncode for one in both], said
    for one, text in zip(both, said, strict=True):
        # who came second is told why, by DVC or by the stage
        assert one.returncode == 0 or "is busy" in text or "another stage is at work" in text, text
    project.repro()
    assert project.bytes(*RESULTS) == finished.bytes(*RESULTS)


@pytest.mark.parametrize("days", [-1, 1])
def test_the_clock_decides_nothing(project: Project, days: int) -> None:  # D12
    before = project.bytes("dvc.lock", *RESULTS)
    then = time.time() + days * 86_400
    for path in project.folder.rglob("*"):
        if path.is_file() and ".git" not in path.parts:
            os.utime(path, (then, then))
    assert project.repro() == set()
    project.repro("--force", "--single-item", "acquire")
    assert project.repro() == set()
    assert project.bytes("dvc.lock", *RESULTS) == before


def test_few_open_files_are_enough(project: Project) -> None:  # D02
    shutil.rmtree(project.environment["SWATCHBOOK_CACHE"])
    before = project.bytes(*RESULTS)
    for name in STAGES:
        project.run("bash", "-c", f"ulimit -n 32; python -m stages.{name}")
    assert project.bytes(*RESULTS) == before


def test_a_folder_that_cannot_be_written_to_is_one_line(project: Project) -> None:  # D02
    script = "mount --bind data data && mount -o remount,ro,bind data && python -m stages.split"
    command = ("unshare", "--mount", "--map-root-user", "bash", "-c")
    if (
        not shutil.which("unshare")
        or project.run(*command, "mount -t tmpfs x /mnt", ok=False).returncode
    ):
        pytest.skip("this user or container may not mount in a namespace of its own")
    before = project.bytes(*RESULTS)
    # no server of other processes stands in that namespace
    done = subprocess.run(
        [*command, script], cwd=project.folder, env=project.environment, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("error: split: [Errno 30] Read-only file system")
    assert len(done.stderr.splitlines()) == 1
    assert project.bytes(*RESULTS) == before
