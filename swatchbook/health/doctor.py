"""What may be wrong with a project on this machine, in words, and how to mend it."""

import importlib.metadata
import queue
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from swatchbook.base import machine
from swatchbook.base.errors import DataError, ParamsError, SwatchbookError
from swatchbook.health import dvc_state, environment
from swatchbook.health.findings import Finding, Level
from swatchbook.inference import engines
from swatchbook.project import params, stage
from swatchbook.storage import dvc_files, remotes

_LITTLE, _VERY_LITTLE = 10 * 2**30, 2**30
_REMOTE_SECONDS = 15.0


def findings() -> Iterator[Finding]:
    """Look at everything, the state of DVC first: what comes later needs it.

    Raises:
        DataError: outside a DVC project.
    """
    if not Path(".dvc").is_dir():
        raise DataError("no .dvc here: run this in the project's folder")
    yield from dvc_state.at_work()
    yield from dvc_state.rwlock()
    yield from dvc_state.dvc_lock()
    yield from dvc_state.changed_since()
    yield from dvc_state.leftovers()
    yield from dvc_state.outputs()
    yield from losses()
    yield from dvc_state.links()
    yield from space()
    yield from moved()
    yield from parameters()
    yield from versions()
    yield from engine()
    yield from remote_storage()


def losses() -> Iterator[Finding]:
    """Whether the last run of ``acquire`` missed what the one before it had."""
    try:
        told = stage.metrics_of(stage.metrics_path("acquire").read_bytes())
    except (OSError, ValueError):
        return
    for sentence in told.get("gone", []):
        yield Finding("note", f"acquire, against the run before: {sentence}")


def space() -> Iterator[Finding]:
    """Whether the disks have room."""
    # DVC tries for ever to write to its databases: without room there it seems to hang
    for path in dict.fromkeys((Path.cwd(), machine.cache_folder(), dvc_files.state_folder())):
        path.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(path).free
        level: Level = "problem" if free < _VERY_LITTLE else "note" if free < _LITTLE else "ok"
        yield Finding(level, f"{path}: {free / 2**30:.1f} GiB free")


def moved() -> Iterator[Finding]:
    """Whether the commands of this environment are for the Python that they stand beside."""
    folder = Path(sys.executable).parent
    if found := environment.commands(folder):
        yield Finding(
            "problem",
            f"{folder}: {len(found)} commands ({found[0].name}, …) are for a Python in another "
            "folder: this environment was moved; `make repro` mends that",
            lambda: f"{environment.mend(folder)} commands in {folder} name its place again",
        )


def parameters() -> Iterator[Finding]:
    """Whether params.yaml can be read; `swatchbook params check` looks at each value."""
    try:
        params.read()
    except ParamsError as error:
        marked = "<<<<<<<" in _text(Path("params.yaml"))
        cure = "; git left both sides of a merge in it: keep one, then git add params.yaml"
        yield Finding("problem", f"{error}{cure if marked else ''}")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def versions() -> Iterator[Finding]:
    """Whether the packages are those of requirements.txt."""
    required = Path("requirements.txt")
    pins = re.findall(
        r"^([\w.-]+)==(\S+)", required.read_text() if required.is_file() else "", re.M
    )
    other = []
    for name, wanted in pins:
        try:
            here = importlib.metadata.version(name).partition("+")[0]
        except importlib.metadata.PackageNotFoundError:
            here = "none"
        if here != wanted:
            other.append(f"{name} {here} (wanted: {wanted})")
    if other:
        yield Finding(
            "problem", f"other versions than {required}: {', '.join(other)}; `make repro`"
        )
    else:
        yield Finding("ok", f"{len(pins)} packages as in {required}")


def engine() -> Iterator[Finding]:
    """What runs and trains networks here."""
    try:
        trains = "a GPU" if _trains_on_gpu() else "the processor"
        yield Finding("ok", f"networks run in {engines.engine()}, and are trained on {trains}")
    except SwatchbookError as error:
        yield Finding("problem", str(error))


def _trains_on_gpu() -> bool:
    if machine.device() == "cpu" or not machine.has_nvidia_driver():
        return False
    # two seconds, for those who have one
    from swatchbook.training.pytorch import parallel

    return parallel.on_gpu()


def remote_storage() -> Iterator[Finding]:
    """Whether remote storage answers, is checked, and keeps its keys to itself."""
    try:
        names, secrets = remotes.names(), remotes.committed_secrets()
    except DataError as error:
        yield Finding("problem", str(error))
        return
    if not names:
        yield Finding("note", "no remote storage: results are on this machine alone")
    for secret in secrets:
        text = f".dvc/config, which git shares, gives everybody the key in {secret}"
        yield Finding("problem", f"{text}: change the key, and give it by environment or --local")
    for name in names:
        said: queue.Queue[Finding] = queue.Queue()
        # no pool: the end of this process would wait for one that hangs
        threading.Thread(target=_ask, args=[name, said], daemon=True).start()
        try:
            yield said.get(timeout=_REMOTE_SECONDS)
        except queue.Empty:
            yield Finding("problem", f"remote {name!r}: no answer in {_REMOTE_SECONDS:.0f} s")


def _ask(name: str, said: "queue.Queue[Finding]") -> None:
    try:
        remote = remotes.opened(name)
        remote.reach()
    except DataError as error:
        said.put(Finding("problem", str(error)))
        return
    if remote.checks_hashes:
        said.put(Finding("ok", f"remote {name!r} answers"))
        return
    text = f"remote {name!r} answers, but what is fetched from it is not checked"
    said.put(Finding("problem", text, lambda: _checked(name)))


def _checked(name: str) -> str:
    level = remotes.level_of(name)
    where = [] if level == "repo" else [f"--{level}"]
    command = [sys.executable, "-m", "dvc", "remote", "modify", *where, name, "verify", "true"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DataError(f"{' '.join(command[2:])}: {done.stderr.strip()}")
    place = "in .dvc/config; commit it" if level == "repo" else f"in DVC's {level} settings"
    return f"remote {name!r}: verify = true {place}"
