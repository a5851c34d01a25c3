"""Small real inputs for the tests, and a folder of its own for each."""

import dataclasses
import gc
import getpass
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import psutil
import pytest
from PIL import Image
from support import preloaded
from support.full import FULL
from support.pictures import encoded, make_folder, texture
from support.project import NAME, ROOT, Project, digest_of_code, locked, new_project
from support.services import Service, running
from support.storage_servers import Storage, s3, ssh, web

from swatchbook.base import machine

# before tests get caches of their own
CNTK = machine.cntk_python()
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SHARED = Path(os.environ.get("SWATCHBOOK_SHARED_DATA") or ROOT.parent / "shared" / "data")


# fixtures of tests that run real stages in a small project
_PIPELINE = {"finished", "bare", "begun", "noted", "changing", "refined", "upstream"}


_IN_MEMORY = Path("/dev/shm")
_ENOUGH = 4 * 2**30


def _takes_files_of_tests(folder: Path) -> bool:
    """Whether a folder in memory has space, and lets commands that stand in it be run."""
    try:
        if shutil.disk_usage(folder).free < _ENOUGH or psutil.virtual_memory().available < _ENOUGH:
            return False
        with tempfile.TemporaryDirectory(dir=folder) as inside:
            command = Path(inside, "command")
            command.write_text("#!/bin/sh\n")
            command.chmod(0o755)
            subprocess.run([command], check=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


# whatever a test runs there, see swatchbook/base/onnx_runtime.py
os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def pytest_configure(config: pytest.Config) -> None:
    # tests make, sync and delete files by hundred thousands: on a disk that takes a third of the
    # time; `make test-full` uses the disk
    if not (FULL or os.environ.get("TMPDIR")) and _takes_files_of_tests(_IN_MEMORY):
        os.environ["TMPDIR"] = tempfile.tempdir = str(_IN_MEMORY)
    # a machine that is busy with other tests is slow for a moment: no example has a deadline
    hypothesis.settings.register_profile("here", deadline=None, max_examples=100 if FULL else 25)
    hypothesis.settings.load_profile("here")
    # threads that spin while they wait take the processors from the tests beside them
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    long: set[Path] = set()
    for item in items:
        if _PIPELINE & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.pipeline)
        if any(item.get_closest_marker(name) for name in ("pipeline", "cntk", "long")):
            long.add(item.path)
    # what takes long comes first, so that no process is left alone with it at the end
    items.sort(key=lambda item: item.path not in long)


def pytest_collection_finish() -> None:
    # what was imported stays: looking through it again and again takes minutes of a run
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    preloaded.end()


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test works in an empty folder, with an empty cache."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SWATCHBOOK_CACHE", str(tmp_path / "cache"))
    for variable in ("SWATCHBOOK_WORKERS", "SWATCHBOOK_BATCH", "SWATCHBOOK_ENGINE"):
        monkeypatch.delenv(variable, raising=False)
    return folder


@pytest.fixture
def cntk(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The Python that has CNTK."""
    if not CNTK.is_file():
        pytest.skip(f"CNTK's own Python is not at {CNTK} (make cntk)")
    monkeypatch.setenv("SWATCHBOOK_CNTK", str(CNTK))
    # its threads wait for each other longer than they work on so few images
    monkeypatch.setenv("SWATCHBOOK_WORKERS", "1")
    return CNTK


@pytest.fixture
def shared() -> Path:
    """Real image sets that exist on the project's own machines only."""
    if not SHARED.is_dir():
        pytest.skip(f"the shared image sets are not at {SHARED} (set SWATCHBOOK_SHARED_DATA)")
    return SHARED


@pytest.fixture(scope="session")
def kept() -> Path:
    """What takes long to make, for all processes of this run and for the next one.

    It stands under the digest of all that it depends on; those of other code are removed when
    they are a day old.
    """
    home = Path(tempfile.gettempdir()) / f"swatchbook-tests-{getpass.getuser()}"
    folder = home / digest_of_code()
    folder.mkdir(parents=True, exist_ok=True)
    for other in home.iterdir():
        if other != folder and time.time() - other.stat().st_mtime > 86_400:
            shutil.rmtree(other, ignore_errors=True)
    return folder


@pytest.fixture(scope="session")
def tiny_source(kept: Path) -> Path:
    """20, 16 and 16 images of three classes, a duplicate, a near-duplicate and a bad file."""
    root = kept / "source"
    with locked(kept):
        if not root.is_dir():
            made = make_folder(kept / "making", {"red": 20, "green": 16, "blue": 16})
            (made / "red" / "copy.png").write_bytes((made / "red" / "red_003.png").read_bytes())
            smaller = texture(5, 1).resize((40, 40), Image.Resampling.BICUBIC)
            (made / "green" / "near.jpg").write_bytes(encoded(smaller, "JPEG", quality=85))
            (made / "blue" / "page.jpg").write_bytes(b"<html>404</html>")
            made.rename(root)
    return root


@pytest.fixture(scope="session")
def finished(kept: Path, tiny_source: Path) -> Project:
    """A tiny project after ``dvc repro``, committed. Tests must not change it: see ``project``."""
    folder = kept / "finished"
    done = folder / "done"
    with locked(kept):
        if not done.is_file():
            shutil.rmtree(folder, ignore_errors=True)
            project = new_project(folder, tiny_source, folder / "cache")
            project.repro()
            project.commit("first run")
            done.touch()
    return Project(folder / NAME, folder / "cache")


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished tiny project, free to be changed, with its cache."""
    return finished.copied(tmp_path / "project")


@pytest.fixture(scope="session")
def service(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The tiny project's model as a service, for all tests that don't change it."""
    folder = tmp_path_factory.mktemp("service")
    cache = finished.environment["SWATCHBOOK_CACHE"]
    model = finished.folder / "models/model.onnx"
    with running(model, folder / "log", SWATCHBOOK_CACHE=cache) as service:
        yield service.wait()


@pytest.fixture
def bare(own_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A DVC project without a pipeline, with this process in it."""
    project = Project(own_folder, tmp_path / "cache")
    for name, value in project.environment.items():
        if name.startswith("DVC_"):
            monkeypatch.setenv(name, value)
    subprocess.run(["git", "init", "-q"], check=True)
    project.run("dvc", "init", "-q")
    return project


@pytest.fixture(scope="session")
def s3_server() -> Iterator[Storage]:
    """An S3 server for all tests; each takes a folder of its own in the bucket."""
    with s3() as storage:
        yield storage


@pytest.fixture(params=["folder", "s3", "ssh", "http"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    """Empty remote storage of each kind; that of HTTP is a folder for who may write."""
    root = tmp_path / "storage"
    match request.param:
        case "folder":
            yield Storage(str(root), root)
        case "s3":
            server: Storage = request.getfixturevalue("s3_server")
            yield dataclasses.replace(server, url=f"{server.url}/{tmp_path.name}")
        case "ssh":
            with ssh(root) as server:
                yield server
        case "http":
            with web(root) as server:
                yield server


@pytest.fixture(scope="session")
def runs(finished: Project, kept: Path) -> Project:
    """main, the experiment `trees`, and a workspace with a third run. Not to be changed."""
    folder = kept / "runs"
    done = folder / "done"
    with locked(kept):
        if not done.is_file():
            shutil.rmtree(folder, ignore_errors=True)
            project = finished.copied(folder)
            project.set("train_classifier.kind", "random_forest")
            project.repro()
            project.run("dvc", "exp", "save", "-n", "trees")
            project.run("git", "checkout", "-q", ".")
            project.set("train_classifier.kind", "logistic")
            project.repro()
            done.touch()
    return Project(folder / NAME, folder / "cache")


@pytest.fixture
def inside(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A copy of the finished tiny project, with this process in its folder and environment."""
    monkeypatch.chdir(project.folder)
    for name in ("SWATCHBOOK_CACHE", "PATH", "DVC_SITE_CACHE_DIR", "DVC_GLOBAL_CONFIG_DIR"):
        monkeypatch.setenv(name, project.environment[name])
    return project


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A real browser; the tests that need one are skipped where there is none.

    While it runs its event loop does too, in which no other can: it ends with its module.
    """
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM:
        text = "chromium is not installed (apt-get install chromium)"
        pytest.fail(text) if os.environ.get("SWATCHBOOK_NEEDS_BROWSER") else pytest.skip(text)
    with api.sync_playwright() as started:
        # containers have little of the memory that it would share
        options = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = started.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()
    # its event loop is closed, and signals would still be told to it
    signal.set_wakeup_fd(-1)
