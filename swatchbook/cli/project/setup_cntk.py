"""``swatchbook setup-cntk``: CNTK 2.7 in a Python 3.6 of its own (``make cntk``).

CNTK is archived; its packages are still on PyPI, for Python 3.6 at the latest. It asks for the
library names of an older OpenMPI, which today's serves as well under links.
"""

import ctypes.util
import os
import shutil
import subprocess
from pathlib import Path

import click

from swatchbook.base import caches
from swatchbook.base.errors import NetworkError

_REQUIREMENTS = Path(__file__).with_name("requirements-cntk.txt")
# what CNTK asks for, and what Debian's libopenmpi3 calls it
_LIBRARIES = {"libmpi.so.12": "libmpi.so.40", "libmpi_cxx.so.1": "libmpi_cxx.so.40"}
_FOLDERS = ("/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib64/openmpi/lib", "/usr/lib")


@click.command("setup-cntk")
def command() -> None:
    """Set up CNTK 2.7 in a Python 3.6 of its own, for refine_dnn.engine: cntk."""
    click.echo(set_up())


def set_up() -> str:
    """Make the environment where ``machine.cntk_python`` expects it; a line about it.

    Raises:
        NetworkError: where Python 3.6 or OpenMPI is missing, with how to have it.
    """
    folder = caches.folder(caches.CNTK)
    python = folder / "bin" / "python"
    if not python.is_file():
        _make(folder)
    _install(python)
    _link_libraries(folder / "mpi")
    version = _checked(python, folder / "mpi")
    return f"cntk: CNTK {version} in {folder}; refine_dnn.engine: cntk can be used"


def find_python() -> Path | None:
    """A Python 3.6: of pyenv, on the PATH, or none."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = [*sorted(root.glob("versions/3.6*/bin/python"), reverse=True)]
    # pyenv's links in PATH fail for versions that are not switched on, so its folders come first
    if named := shutil.which("python3.6"):
        found.append(Path(named))
        # a link of pyenv lies in its root, wherever HOME is
        found += sorted(Path(named).parent.parent.glob("versions/3.6*/bin/python"), reverse=True)
    return next((path for path in found if _is_3_6(path)), None)


def _is_3_6(python: Path) -> bool:
    code = "import sys; print(sys.version_info[:2])"
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() == "(3, 6)"


def _make(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    if (python := find_python()) is not None:
        _run([str(python), "-m", "venv", str(folder)])
    elif conda := shutil.which("conda") or shutil.which("mamba"):
        command = [conda, "create", "--yes", "--quiet", "--prefix", str(folder), "python=3.6"]
        _run(command)
    else:
        raise NetworkError(
            "cntk: no Python 3.6 is here. Install one with `pyenv install 3.6.15`, or install "
            "conda, then run `make cntk` again. Without it refine_dnn.engine: torch does the same"
        )


def _install(python: Path) -> None:
    requirements = _REQUIREMENTS.read_text()
    if ctypes.util.find_library("cudart") and _loads("libcudart.so.10.0"):
        requirements = requirements.replace("cntk==", "cntk-gpu==")
    packages = [line for line in requirements.splitlines() if line and not line.startswith("#")]
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*command, *packages])


def _link_libraries(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for old, new in _LIBRARIES.items():
        if _loads(old):
            continue
        found = next((p for f in _FOLDERS if (p := Path(f) / new).exists()), None)
        if found is None and old == "libmpi.so.12" and _may_install():
            _run(["apt-get", "update", "-qq"])
            _run(["apt-get", "install", "-y", "-qq", "libopenmpi3"])
            found = next((p for f in _FOLDERS if (p := Path(f) / new).exists()), None)
        if found is None:
            raise NetworkError(
                f"cntk: OpenMPI's {new} is missing. Install it (Debian and Ubuntu: "
                "`sudo apt-get install libopenmpi3`), then run `make cntk` again"
            )
        link = folder / old
        link.unlink(missing_ok=True)
        link.symlink_to(found)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, check=False)
    if done.returncode:
        raise NetworkError(
            f"cntk: {' '.join(command)!r} failed; its messages are above, mend that and "
            "run it again"
        )


def _may_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _checked(python: Path, libraries: Path) -> str:
    code = "import warnings; warnings.simplefilter('ignore'); import cntk; print(cntk.__version__)"
    environment = {**os.environ, "LD_LIBRARY_PATH": str(libraries), "PYTHONPATH": ""}
    done = subprocess.run(
        [str(python), "-c", code], capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise NetworkError(
            f"cntk: installed, but it can't be imported: {last}; see docs/refining.md"
        )
    return done.stdout.strip().splitlines()[-1]
