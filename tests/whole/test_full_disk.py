"""A run on a disk that fills up, at many sizes; `make test-full` tries 20 of them."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import preloaded
from support.full import FULL
from support.project import ROOT, Project, new_project

pytestmark = pytest.mark.pipeline

SIZES = int(os.environ.get("SWATCHBOOK_DISKS", "1"))
RESULTS = ("dvc.lock", "data/predictions.csv", "models/classifier.onnx", "models/network.onnx",
           "data/split.csv", "data/suspects.csv", "metrics/evaluation.json")  # fmt: skip
KILLED = 137
# in a mount namespace of its own, so that nothing stays mounted whatever happens
RUN = """
set -u
(cd "$TESTS" && exec "$@") <&0 &
trap "kill $!" EXIT
mount -t tmpfs -o size="${KILOBYTES}k" tmpfs "$DISK"
cp -a "$PROJECT" "$DISK/project"
mkdir "$SWATCHBOOK_CACHE"
cd "$DISK/project"
used() { df --output=used "$DISK" | tail -n 1; }
used > "$SAID/before"
timeout --signal=KILL "$PATIENCE" dvc repro > "$SAID/first.txt" 2>&1; echo $? > "$SAID/first"
used > "$SAID/used"
mount -o remount,size=2g "$DISK"
python -m swatchbook doctor --fix > "$SAID/doctor.txt" 2>&1
dvc repro > "$SAID/second.txt" 2>&1; echo $? > "$SAID/second"
python -m swatchbook doctor > "$SAID/after.txt" 2>&1; echo $? > "$SAID/after"
cp -a --parents $RESULTS "$SAID"
find data/images -type f -printf '%f\\n' | sort > "$SAID/images"
"""


@dataclass(frozen=True)
class Begun:
    """A project that has never run, what an undisturbed run gives, and what it takes (kB, s)."""

    project: Project
    said: Path
    before: int
    used: int
    seconds: float


def run(project: Project, kilobytes: int, folder: Path, patience: float = 300) -> Path:
    """Run on a disk of that size, then with space; the folder of what was said and made."""
    said, disk = folder / "said", folder / "disk"
    for path in (said, disk):
        path.mkdir(parents=True)
    environment = {
        **project.environment,
        "DISK": str(disk), "KILOBYTES": str(kilobytes), "PROJECT": str(project.folder),
        "PATIENCE": str(patience), "SAID": str(said), "RESULTS": " ".join(RESULTS),
        "TMPDIR": str(disk), "TESTS": str(ROOT / "tests"),
        "SWATCHBOOK_CACHE": str(disk / "cache"), "DVC_SITE_CACHE_DIR": str(disk / "cache/dvc"),
    }  # fmt: skip
    done = in_namespace(RUN, environment)
    assert done.returncode == 0, done.stderr
    return said


def in_namespace(script: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run it, with a server of commands that start at once inside (``$@``)."""
    path = environment.get("PATH", os.environ["PATH"])
    one = preloaded.prepared()
    waits, ends = os.pipe()
    try:
        return subprocess.run(
            ["unshare", "--mount", "--map-root-user", "bash", "-c", script, "-", *one.command],
            env={**os.environ, **environment, "PATH": path if FULL else f"{one.home}:{path}"},
            stdin=waits, capture_output=True, text=True, timeout=300,
            pass_fds=[one.listener.fileno()],
        )  # fmt: skip
    finally:
        one.listener.close()
        os.close(waits)
        os.close(ends)
        shutil.rmtree(one.home)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory, tiny_source: Path) -> Begun:
    if not sys.platform.startswith("linux") or not shutil.which("unshare"):
        pytest.skip("needs mount namespaces (Linux, util-linux)")
    if in_namespace("mount -t tmpfs tmpfs /mnt", {}).returncode:
        pytest.skip("this user or container may not mount in a namespace of its own")
    parent = tmp_path_factory.mktemp("disk")
    project = new_project(parent, tiny_source, parent / "cache")
    started = time.monotonic()
    said = run(project, 2**21, parent / "undisturbed")
    assert (said / "first").read_text() == "0\n", (said / "first.txt").read_text()
    return Begun(
        project,
        said,
        int((said / "before").read_text()),
        int((said / "used").read_text()),
        time.monotonic() - started,
    )


@pytest.mark.parametrize("number", range(SIZES))
def test_a_full_disk_costs_nothing_but_a_second_run(
    number: int, begun: Begun, tmp_path: Path
) -> None:  # D01
    size = begun.before + int((begun.used - begun.before) * (number + 0.5) / SIZES)
    # what comes to its end at all does so in the time of the undisturbed run
    said = run(begun.project, size, tmp_path, begun.seconds + 5)
    first = (said / "first.txt").read_text()
    code = int((said / "first").read_text())
    assert code != 0, "the disk was not full: the test is too kind"
    assert "Traceback" not in first, first
    # DVC's own database (diskcache) tries for ever to write: DVC waits for space, and is killed
    assert code == KILLED or "No space left on device" in first or "disk is full" in first, first
    second = (said / "doctor.txt").read_text() + (said / "second.txt").read_text()
    assert (said / "second").read_text() == "0\n", second
    assert (said / "after").read_text() == "0\n", (said / "after.txt").read_text()
    for path in (*RESULTS, "images"):
        assert (said / path).read_bytes() == (begun.said / path).read_bytes(), path
