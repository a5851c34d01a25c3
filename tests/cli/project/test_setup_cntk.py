"""Setting up CNTK: what is missing is said, with how to have it."""

import os
from pathlib import Path

import pytest

from swatchbook.base.errors import NetworkError
from swatchbook.cli.project import setup_cntk


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_a_python_3_6_of_pyenv_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYENV_ROOT", "pyenv")
    monkeypatch.setenv("PATH", f"bin{os.pathsep}{os.environ['PATH']}")
    executable(Path("bin/python3.6"), "exit 127")  # pyenv's link to a version that is not on
    newer = executable(Path("pyenv/versions/3.6.1/bin/python"), "echo '(3, 7)'")
    assert setup_cntk.find_python() not in (newer, Path("bin/python3.6"))
    right = executable(Path("pyenv/versions/3.6.15/bin/python"), "echo '(3, 6)'")
    assert setup_cntk.find_python() == right


def test_without_python_3_6_it_says_how_to_have_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup_cntk, "find_python", lambda: None)
    monkeypatch.setattr(setup_cntk.shutil, "which", lambda _: None)
    with pytest.raises(NetworkError, match=r"pyenv install 3\.6\.15"):
        setup_cntk.set_up()


def test_conda_makes_one_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    monkeypatch.setattr(setup_cntk, "find_python", lambda: None)
    monkeypatch.setattr(setup_cntk.shutil, "which", lambda name: f"/opt/{name}")

    def run(command: list[str]) -> None:
        called.append(command)
        raise NetworkError("stop here")

    monkeypatch.setattr(setup_cntk, "_run", run)
    with pytest.raises(NetworkError, match="stop here"):
        setup_cntk.set_up()
    assert called[0][:2] == ["/opt/conda", "create"]
    assert "python=3.6" in called[0]


def test_without_openmpi_it_says_which_package_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(setup_cntk, "_loads", lambda _: False)
    monkeypatch.setattr(setup_cntk, "_FOLDERS", ())
    monkeypatch.setattr(setup_cntk, "_may_install", lambda: False)
    with pytest.raises(NetworkError, match="sudo apt-get install libopenmpi3"):
        setup_cntk._link_libraries(Path("mpi"))


def test_old_names_become_links_to_new_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup_cntk, "_loads", lambda _: False)
    monkeypatch.setattr(setup_cntk, "_FOLDERS", ("lib",))
    Path("lib").mkdir()
    for name in ("libmpi.so.40", "libmpi_cxx.so.40"):
        Path("lib", name).touch()
    setup_cntk._link_libraries(Path("mpi"))
    setup_cntk._link_libraries(Path("mpi"))  # again: nothing is in the way
    assert Path("mpi/libmpi.so.12").readlink() == Path("lib/libmpi.so.40")
    assert Path("mpi/libmpi_cxx.so.1").readlink() == Path("lib/libmpi_cxx.so.40")
