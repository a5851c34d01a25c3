"""What is installed from a wheel is the code of this clone."""

import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from support.project import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pins(name: str) -> set[str]:
    lines = (ROOT / name).read_text().splitlines()
    return {line for line in lines if line and not line.startswith(("#", "-"))}


def test_a_wheel_asks_for_what_the_clone_installs() -> None:
    extras = [pin for extra in PROJECT["optional-dependencies"].values() for pin in extra]
    wanted = set().union(*(pins(f"requirements{end}.txt") for end in ("", "-spark", "-geo")))
    assert {*PROJECT["dependencies"], *extras} == wanted
    assert not set(PROJECT["dependencies"]) & set(extras)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # of what git tracks: a build leaves folders behind, and caches are none of a wheel's business
    (folder / "source").mkdir()
    tracked = subprocess.run(
        ["git", "ls-files", "swatchbook", "pyproject.toml", "README.md", "LICENSE"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for name in tracked.splitlines():
        target = folder / "source" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--disable-pip-version-check", "--wheel-dir", str(folder), str(folder / "source")],
        check=True,
    )  # fmt: skip
    return next(folder.glob("*.whl"))


def test_it_holds_the_files_of_the_clone(wheel: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "swatchbook"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    with zipfile.ZipFile(wheel) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    code = {name: data for name, data in held.items() if name.startswith("swatchbook/")}
    assert code == {name: (ROOT / name).read_bytes() for name in tracked}


def test_it_runs_where_nothing_else_is_installed_but_what_help_needs(
    wheel: Path, tmp_path: Path
) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    binaries = tmp_path / "venv/bin"
    # the packages of this environment stand in for a download of gigabytes
    site = next((tmp_path / "venv/lib").glob("python3*")) / "site-packages"
    own = next(path for path in sys.path if path.endswith("site-packages"))
    subprocess.run([binaries / "pip", "install", "--quiet", "--no-deps", wheel], check=True)
    (site / "others.pth").write_text(own + "\n")
    done = subprocess.run(
        [binaries / "swatchbook", "--help"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "predict" in done.stdout
    where = subprocess.run(
        [binaries / "python", "-c", "import swatchbook; print(swatchbook.__file__)"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert where.stdout.startswith(str(tmp_path / "venv"))
