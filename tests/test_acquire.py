"""The acquire stage: growing, shrinking and killed."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest
from conftest import Project, encoded, make_folder, new_project, texture

pytestmark = pytest.mark.pipeline


def test_new_images_are_taken_in_when_acquire_runs_again(
    project: Project, tiny_source: Path, tmp_path: Path
) -> None:
    source = tmp_path / "growing"
    # as one would add images to a folder: the old ones keep their time stamps
    shutil.copytree(tiny_source, source)
    project.set("acquire.source", f"folder:{source}")
    project.repro()
    for number in range(10):
        (source / "red" / f"new_{number}.png").write_bytes(encoded(texture(700 + number, 0)))
    assert project.repro() == set()  # a source is a snapshot until it is asked for again
    again = project.run("dvc", "repro", "--force", "--single-item", "acquire")
    assert "; 10 files read, 55 known" in again.stdout
    output = project.run("dvc", "repro").stdout
    assert "52 from the cache, 10 computed" in output


def test_a_killed_acquire_is_taken_up_again(
    finished: Project, tiny_source: Path, tmp_path: Path
) -> None:
    """`kill -9` at five moments: the next run has the same bytes, and nothing else is left."""
    other = new_project(tmp_path / "killed", tiny_source, tmp_path / "killed-cache")
    for delay in (0.6, 0.9, 1.2, 1.5, 2.0):
        stage = subprocess.Popen(
            ["python", "-m", "stages.acquire"], cwd=other.folder, env=other.environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(delay)
        stage.kill()
        stage.wait()
    other.run("python", "-m", "stages.acquire")
    assert other.bytes("data/manifest.csv") == finished.bytes("data/manifest.csv")
    stored = [
        sorted(
            path.relative_to(one.folder).as_posix() for path in one.folder.glob("data/images/**/*")
        )
        for one in (other, finished)
    ]
    assert stored[0] == stored[1]


def test_a_removed_image_is_pruned_from_the_store(project: Project, tmp_path: Path) -> None:
    source = make_folder(tmp_path / "smaller", {"red": 12, "green": 12})
    project.set("acquire.source", f"folder:{source}")
    project.repro("--single-item", "acquire")
    stored = [path for path in (project.folder / "data/images").rglob("*") if path.is_file()]
    assert len(stored) == 24
