"""Small real inputs for the tests, and a folder of its own for each."""

import dataclasses
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter
from services import Service, running
from storage_servers import Storage, s3, ssh, web

from swatchbook import machine

ROOT = Path(__file__).parent.parent
# before tests get caches of their own
CNTK = machine.cntk_python()
SHARED = Path(os.environ.get("SWATCHBOOK_SHARED_DATA") or ROOT.parent / "shared" / "data")


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
    return CNTK


@pytest.fixture
def shared() -> Path:
    """Real image sets that exist on the project's own machines only."""
    if not SHARED.is_dir():
        pytest.skip(f"the shared image sets are not at {SHARED} (set SWATCHBOOK_SHARED_DATA)")
    return SHARED


def texture(seed: int, kind: int = 0, side: int = 48) -> Image.Image:
    """A natural-looking RGB texture; ``kind`` sets its colour and grain, ``seed`` the rest."""
    random = np.random.default_rng(seed * 1000 + kind)
    noise = Image.fromarray(random.integers(0, 256, (side, side), dtype=np.uint8))
    smooth = np.asarray(noise.filter(ImageFilter.GaussianBlur(1 + kind % 3)), dtype=float)
    smooth = (smooth - smooth.min()) / max(1.0, np.ptp(smooth))
    # classes overlap, so that metrics are not perfect and differences can be seen
    pure = np.array([[1.0, 0.4, 0.3], [0.3, 1.0, 0.4], [0.4, 0.3, 1.0]])[kind % 3]
    tint = 0.45 * pure + 0.55 * random.random(3)
    return Image.fromarray((smooth[..., None] * tint * 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """The image as a file's bytes."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def make_folder(root: Path, classes: dict[str, int], side: int = 48) -> Path:
    """A folder source: ``classes`` gives the number of images of each class."""
    for kind, (label, count) in enumerate(classes.items()):
        (root / label).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            path = root / label / f"{label}_{number:03}.png"
            path.write_bytes(encoded(texture(number, kind, side)))
    return root


class Project:
    """A copy of this repository with a tiny data set, driven by real commands."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "SWATCHBOOK_CACHE": str(cache),
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(cache / "dvc-site"),
            "DVC_GLOBAL_CONFIG_DIR": str(cache / "dvc-global"),
            "DVC_SYSTEM_CONFIG_DIR": str(cache / "dvc-system"),
            "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.org",
            "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@example.org",
        }  # fmt: skip
        self.environment.pop("PYTHONPATH", None)

    def run(self, *command: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in the project's folder; fail the test if it fails and shouldn't."""
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True,
            timeout=300,
        )  # fmt: skip
        if ok:
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done

    def repro(self, *options: str) -> set[str]:
        """``dvc repro``; the names of the stages that ran or came from the run-cache."""
        return stages_run(self.run("dvc", "repro", *options).stdout)

    def set(self, key: str, value: str) -> None:
        """Change one value in params.yaml, as a person would."""
        section, name = key.split(".")
        lines = (self.folder / "params.yaml").read_text().splitlines()
        start = lines.index(f"{section}:")
        number = next(n for n in range(start + 1, len(lines)) if lines[n].startswith(f"  {name}:"))
        lines[number] = f"  {name}: {value}"
        (self.folder / "params.yaml").write_text("\n".join(lines) + "\n")

    def commit(self, message: str) -> None:
        """Commit all that git doesn't ignore."""
        self.run("git", "add", "-A")
        self.run("git", "commit", "-qm", message)

    def copied(self, parent: Path) -> "Project":
        """This project as it is, with its cache, in another folder: free to be changed."""
        folder, cache = parent / self.folder.name, parent / "cache"
        shutil.copytree(self.folder, folder, symlinks=True)
        shutil.copytree(self.environment["SWATCHBOOK_CACHE"], cache)
        return Project(folder, cache)

    def cloned(self, parent: Path) -> "Project":
        """What a colleague gets: a git clone on a machine with empty caches."""
        self.run("git", "clone", "-q", ".", str(parent / "clone"))
        return Project(parent / "clone", parent / "cache")

    def use(self, storage: Storage, name: str = "shared") -> None:
        """Make ``storage`` a remote of DVC, with this clone's own credentials."""
        self.run("dvc", "remote", "add", "--force", "--default", name, storage.url)
        for key, value in {"verify": "true", **storage.settings}.items():
            self.run("dvc", "remote", "modify", name, key, value)
        self.authorize(storage, name)

    def authorize(self, storage: Storage, name: str = "shared") -> None:
        """Give this clone alone its credentials for ``storage``."""
        for key, value in storage.local.items():
            self.run("dvc", "remote", "modify", "--local", name, key, value)
        self.environment |= storage.environment

    def bytes(self, *paths: str) -> list[bytes]:
        """The contents of files."""
        return [(self.folder / path).read_bytes() for path in paths]


def stages_run(output: str) -> set[str]:
    """The stages that DVC says it ran (or took from its run-cache)."""
    return {
        line.split("'")[1]
        for line in output.splitlines()
        if line.startswith("Running stage") or "is cached - skipping run" in line
    }


def new_project(parent: Path, source: Path, cache: Path) -> Project:
    """The repository's own files with a tiny source and an untrained network, as a git clone."""
    folder = parent / "tiny project"
    for name in ("stages", "swatchbook", "annotations", ".dvc/plots"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("dvc.yaml", "params.yaml", ".dvc/config", ".dvc/.gitignore", ".dvcignore",
                 ".gitignore", ".gitattributes"):  # fmt: skip
        shutil.copy(ROOT / name, folder / name)
    project = Project(folder, cache)
    project.set("acquire.source", f"folder:{source}")
    project.set("acquire.data_set", "tiny")
    project.set("split.folds", "3")
    project.set("refine_dnn.architecture", "resnet18")
    project.set("refine_dnn.pretrained", "none")
    project.set("refine_dnn.resolution", "32")
    project.set("refine_dnn.schedule", "[[0.01, 2]]")
    project.set("featurize.precision", "float32")
    project.set("train_classifier.C", "[0.1, 1.0]")
    project.set("evaluate.resamples", "100")
    project.run("git", "init", "-q", "-b", "main")
    project.commit("tiny project")
    return project


@pytest.fixture(scope="session")
def tiny_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20, 16 and 16 images of three classes, a duplicate, a near-duplicate and a bad file."""
    root = make_folder(tmp_path_factory.mktemp("source"), {"red": 20, "green": 16, "blue": 16})
    (root / "red" / "copy.png").write_bytes((root / "red" / "red_003.png").read_bytes())
    smaller = texture(5, 1).resize((40, 40), Image.Resampling.BICUBIC)
    (root / "green" / "near.jpg").write_bytes(encoded(smaller, "JPEG", quality=85))
    (root / "blue" / "page.jpg").write_bytes(b"<html>404</html>")
    return root


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny_source: Path) -> Project:
    """A tiny project after ``dvc repro``, committed. Tests must not change it: see ``project``."""
    parent = tmp_path_factory.mktemp("finished")
    project = new_project(parent, tiny_source, parent / "cache")
    project.repro()
    project.commit("first run")
    return project


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
def runs(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """main, the experiment `trees`, and a workspace with a third run."""
    project = finished.copied(tmp_path_factory.mktemp("runs"))
    project.set("train_classifier.kind", "random_forest")
    project.repro()
    project.run("dvc", "exp", "save", "-n", "trees")
    project.run("git", "checkout", "-q", ".")
    project.set("train_classifier.kind", "logistic")
    project.repro()
    return project


@pytest.fixture
def inside(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A copy of the finished tiny project, with this process in its folder and environment."""
    monkeypatch.chdir(project.folder)
    for name in ("SWATCHBOOK_CACHE", "PATH", "DVC_SITE_CACHE_DIR", "DVC_GLOBAL_CONFIG_DIR"):
        monkeypatch.setenv(name, project.environment[name])
    return project
