"""Kills and interrupts at random moments of a small but real run; `make test-full` does all.

By default one of each kind, at a moment that every commit draws anew; SWATCHBOOK_KILLS=50 for all.
"""

import contextlib
import functools
import os
import random
import signal
import subprocess
import time

import psutil
import pytest
from support.project import ROOT, Project

pytestmark = pytest.mark.pipeline

KILLS = int(os.environ.get("SWATCHBOOK_KILLS", "1"))
# of dvc alone, that leaves its stage behind
ORPHANS = max(1, KILLS * 2 // 5)
INTERRUPTS = max(1, KILLS * 3 // 5)
# a run of all stages takes about this long on two cores
SECONDS = 20.0
RESULTS = ("dvc.lock", "data/predictions.csv", "models/classifier.onnx", "models/network.onnx",
           "data/split.csv", "data/suspects.csv", "metrics/evaluation.json")  # fmt: skip


@functools.cache
def commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def started(project: Project) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["dvc", "repro", "--force"], cwd=project.folder, env=project.environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        # tests that run in the background ignore it, and with them all that they start
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def check(project: Project, finished: Project) -> None:
    """After ``doctor --fix`` the next run ends with the bytes of an undisturbed one."""
    said = project.run("python", "-m", "swatchbook", "doctor", "--fix", ok=False)
    # a stage that still had to notice that its dvc is gone holds the lock for a moment
    for _ in range(20):
        done = project.run("dvc", "repro", ok=False)
        if "another stage is at work" not in done.stderr:
            break
        time.sleep(0.5)
    assert done.returncode == 0, f"{said.stdout}\n{done.stdout}\n{done.stderr}"
    for path, ours, theirs in zip(
        RESULTS, project.bytes(*RESULTS), finished.bytes(*RESULTS), strict=True
    ):
        assert ours == theirs, path
    images = {p.name for p in (project.folder / "data/images").rglob("*") if p.is_file()}
    assert images == {p.name for p in (finished.folder / "data/images").rglob("*") if p.is_file()}


def at_work(project: Project, seed: int) -> subprocess.Popen[bytes]:
    """A run of all stages, at a random moment of it that is this commit's own."""
    running = started(project)
    with contextlib.suppress(subprocess.TimeoutExpired):
        running.wait(random.Random(f"{commit()} {seed}").uniform(0.3, SECONDS))
    return running


def below(running: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Every process that a run has started and that is alive."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(running.pid).children(recursive=True)
    return []


@pytest.mark.parametrize("number", range(KILLS))
def test_kill_of_everything_at_any_moment(
    number: int, project: Project, finished: Project
) -> None:  # D03
    running = at_work(project, number)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    check(project, finished)


@pytest.mark.parametrize("number", range(ORPHANS))
def test_kill_of_dvc_alone_at_any_moment(
    number: int, project: Project, finished: Project
) -> None:  # D04
    running = at_work(project, 100 + number)
    stages = below(running)
    running.kill()
    running.wait()
    _, alive = psutil.wait_procs(stages, 10)
    assert not alive
    check(project, finished)


@pytest.mark.parametrize("number", range(INTERRUPTS))
def test_an_interrupt_ends_everything_soon(
    number: int, project: Project, finished: Project
) -> None:  # D05
    # Ctrl-C, twice for the impatient, and what a batch system or a shutdown sends
    kinds = ([signal.SIGINT], [signal.SIGINT, signal.SIGINT], [signal.SIGTERM])
    signals = random.Random(f"{commit()} {number} signals").choice(kinds)
    running = at_work(project, 200 + number)
    stages = below(running)
    last = time.monotonic() + 5
    for kind in signals:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, kind)
        time.sleep(0.2)
    with contextlib.suppress(subprocess.TimeoutExpired):
        running.wait(max(0, last - time.monotonic()))
    _, alive = psutil.wait_procs([*stages, *below(running)], max(0, last - time.monotonic()))
    assert not alive
    assert running.poll() is not None
    check(project, finished)
