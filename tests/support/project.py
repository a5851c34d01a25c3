"""A copy of this repository with a tiny data set, driven by real commands."""

import configparser
import contextlib
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import filelock

from support import preloaded
from support.full import FULL
from support.storage_servers import Storage

ROOT = Path(__file__).parents[2]
STAGES = [
    "acquire", "dedupe", "split", "refine_dnn", "featurize", "train_classifier", "evaluate",
    "suspects", "bundle",
]  # fmt: skip
# with a space, as people's folders have
NAME = "tiny project"
_FOLDERS = ("stages", "swatchbook", "annotations", ".dvc/plots")
_FILES = (
    "dvc.yaml", "params.yaml", ".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore",
    ".gitattributes",
)  # fmt: skip
FROM_CLASSIFIER = {"train_classifier", "evaluate", "suspects", "bundle"}
FROM_NETWORK = {"refine_dnn", "featurize", *FROM_CLASSIFIER}


class Project:
    """A copy of this repository with a tiny data set, driven by real commands."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        self._commands = ""
        self.environment = {
            **preloaded.inherited(),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "SWATCHBOOK_CACHE": str(cache),
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(cache / "dvc-site"),
            "DVC_GLOBAL_CONFIG_DIR": str(cache / "dvc-global"),
            "DVC_SYSTEM_CONFIG_DIR": str(cache / "dvc-system"),
            # several tests share the processors: one each
            "SWATCHBOOK_WORKERS": "1", "OMP_NUM_THREADS": "1",
            "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.org",
            "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@example.org",
        }  # fmt: skip

    @property
    def quick_environment(self) -> dict[str, str]:
        """That of this project, with commands that start at once; not for what is to be
        killed, or stands in a namespace of its own."""
        if FULL:
            return self.environment
        commands = self._commands or preloaded.folder()
        return {**self.environment, "PATH": f"{commands}{os.pathsep}{self.environment['PATH']}"}

    def start_with(self, **environment: str) -> None:
        """Have commands read this when their Python starts."""
        if FULL:
            self.environment |= environment
        else:
            self._commands = preloaded.started(**environment)

    def run(self, *command: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in the project's folder; fail the test if it fails and shouldn't."""
        done = subprocess.run(
            command, cwd=self.folder, env=self.quick_environment, capture_output=True, text=True,
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
        settings = {"url": storage.url, "verify": "true", **storage.settings}
        self._configure(".dvc/config", {"core": {"remote": name}, _remote(name): settings})
        self.authorize(storage, name)

    def authorize(self, storage: Storage, name: str = "shared") -> None:
        """Give this clone alone its credentials for ``storage``."""
        self._configure(".dvc/config.local", {_remote(name): storage.local})
        self.environment |= storage.environment

    def _configure(self, path: str, sections: dict[str, dict[str, str]]) -> None:
        """What `dvc remote add` and `modify` write, without a process for each key."""
        wanted = {section: values for section, values in sections.items() if values}
        if not wanted:
            return
        config = configparser.ConfigParser()
        config.read(self.folder / path)
        config.read_dict(wanted)
        with (self.folder / path).open("w") as file:
            config.write(file)

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
    folder = parent / NAME
    for name in _FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in _FILES:
        shutil.copy(ROOT / name, folder / name)
    project = Project(folder, cache)
    project.set("acquire.source", f"folder:{source}")
    project.set("acquire.data_set", "tiny")
    project.set("split.folds", "3")
    # 16 times smaller than ResNet-18, and as fast
    project.set("refine_dnn.architecture", "timm:test_resnet")
    project.set("refine_dnn.pretrained", "none")
    project.set("refine_dnn.resolution", "32")
    project.set("refine_dnn.schedule", "[[0.01, 2]]")
    project.set("featurize.precision", "float32")
    project.set("train_classifier.C", "[0.1, 1.0]")
    project.set("evaluate.resamples", "100")
    project.run("git", "init", "-q", "-b", "main")
    project.commit("tiny project")
    return project


def _remote(name: str) -> str:
    return f"'remote \"{name}\"'"


def digest_of_code() -> str:
    """Of all files that a tiny project is made of, of this one, and of what runs them.

    A network's metadata name the Python, and its last bits depend on the processor: what another
    run left must not be compared with what this one makes.
    """
    files = [path for name in _FOLDERS for path in (ROOT / name).rglob("*") if path.is_file()]
    digest = hashlib.sha256()
    for path in sorted([*files, *(ROOT / name for name in _FILES), Path(__file__)]):
        if "__pycache__" not in path.parts:
            digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    digest.update((ROOT / "constraints.txt").read_bytes())
    digest.update(f"{sys.version} {_processor()}".encode())
    return digest.hexdigest()[:16]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return "".join(line for line in lines if line.startswith(("model name", "flags")))


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One process at a time makes what stands in ``folder``."""
    with filelock.FileLock(folder / "lock"):
        yield
