"""The acquire stage: growing, shrinking and killed."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest
from PIL import Image
from support.pictures import encoded, make_folder, texture
from support.project import Project, new_project

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


def test_a_set_that_is_refused_quickly_is_one_line(project: Project, tmp_path: Path) -> None:  # D11
    """Decoders may still be starting when the run ends."""
    source = tmp_path / "flat"
    for label in ("a", "b"):
        (source / label).mkdir(parents=True)
        for number in range(25):
            flat = Image.new("RGB", (32, 32), (number, 9, 9))
            (source / label / f"{number}.png").write_bytes(encoded(flat))
    project.set("acquire.source", f"folder:{source}")
    for _ in range(3):
        shutil.rmtree(project.environment["SWATCHBOOK_CACHE"], ignore_errors=True)
        done = project.run("python", "-m", "stages.acquire", ok=False)
        assert done.returncode == 2
        assert done.stderr.startswith(
            "error: acquire.source: none of 50 files can be used: 50 blank"
        )
        assert done.stderr.count("\n") == 1


def test_files_of_a_killed_annotator_are_no_input(project: Project) -> None:  # S7
    (project.folder / "annotations/.abcd1234.csv").write_text("half a ro")
    assert project.repro() == set()
    assert project.run("git", "status", "--porcelain").stdout == ""
