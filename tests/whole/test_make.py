"""What `make` says where a person stands in a project that isn't as a clone is."""

import shutil
import subprocess
from pathlib import Path

import pytest
from support import preloaded
from support.project import ROOT, Project

pytestmark = pytest.mark.pipeline


@pytest.fixture
def place(project: Project, tmp_path: Path) -> tuple[Project, Path]:
    """The tiny project with the Makefile, and an environment that is set up."""
    for name in ("Makefile", "requirements.txt", "constraints.txt"):
        shutil.copy(ROOT / name, project.folder / name)
    programs = tmp_path / "venv/bin"
    programs.mkdir(parents=True)
    for name in ("python", "dvc"):
        shutil.copy(Path(preloaded.folder()) / name, programs / name)
    for name in ("swatchbook", ".requirements"):
        (programs / name).touch()
    (programs / ".place").write_text(str(programs.parent))
    return project, programs.parent


def make(place: tuple[Project, Path], target: str) -> subprocess.CompletedProcess[str]:
    project, environment = place
    return project.run("make", target, f"VENV={environment}", ok=False)


def test_a_download_without_git_is_told_what_it_lacks(place: tuple[Project, Path]) -> None:  # U11
    shutil.rmtree(place[0].folder / ".git")
    for target in ("repro", "update"):
        done = make(place, target)
        assert done.returncode == 2
        assert "this folder is no git repository (a ZIP download is none)" in done.stderr
        assert "git init && git add -A && git commit" in done.stderr


def test_a_run_that_ends_early_says_how_it_goes_on(place: tuple[Project, Path]) -> None:  # U12
    project, _ = place
    assert make(place, "repro").returncode == 0
    project.set("acquire.source", "folder:images")
    done = make(place, "repro")
    assert done.returncode == 2
    assert f"'images' is not there in {project.folder}" in done.stderr
    assert "what was done is kept; 'make repro' goes on from there" in done.stderr


def test_an_environment_that_was_moved_is_mended_first(place: tuple[Project, Path]) -> None:  # U5
    project, environment = place
    (environment / "bin/.place").write_text("/somewhere/else")
    tool = environment / "bin/tool"
    tool.write_text("#!/somewhere/else/bin/python\n")
    (environment / "bin/.requirements").touch()
    done = project.run("make", f"{environment}/bin/.requirements", f"VENV={environment}")
    assert "this environment was moved" in done.stdout
    assert tool.read_text() == f"#!{environment}/bin/python\n"
    assert (environment / "bin/.place").read_text() == str(environment)
    assert "this environment was moved" not in make(place, "repro").stdout
