"""A stage ends with the DVC that runs it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from support.project import ROOT

STAGE = """
import sys, time
from swatchbook.project import parent
parent.watch()
open("started", "w").write(str(__import__("os").getpid()))
try:
    time.sleep(60)
except KeyboardInterrupt:
    open("stopped", "w").close()
"""
# as DVC does: a shell between the runner and its stage
RUNNER = "import subprocess, sys; subprocess.run(f'{sys.executable} stage.py; true', shell=True)"
# as a shell does with what it starts in the background
IN_BACKGROUND = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); "


def started(runner: str, **environment: str) -> tuple[subprocess.Popen[bytes], psutil.Process]:
    Path("stage.py").write_text(STAGE)
    process = subprocess.Popen(
        [sys.executable, "-c", runner],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )
    for _ in range(200):
        if Path("started").is_file() and Path("started").read_text():
            return process, psutil.Process(int(Path("started").read_text()))
        time.sleep(0.05)
    raise AssertionError("the stage did not start")


def ended(process: psutil.Process, seconds: float) -> bool:
    try:
        process.wait(seconds)
    except psutil.TimeoutExpired:
        return False
    return True


@pytest.mark.parametrize("code", [RUNNER, IN_BACKGROUND + RUNNER], ids=["front", "background"])
@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGTERM])
def test_it_stops_as_by_ctrl_c_when_dvc_is_killed(kind: signal.Signals, code: str) -> None:
    runner, stage = started(code, DVC_ROOT=str(Path.cwd()))
    runner.send_signal(kind)
    runner.wait()
    assert ended(stage, 5)
    assert Path("stopped").is_file()


def test_without_dvc_it_watches_nobody() -> None:
    runner, stage = started(RUNNER)
    runner.kill()
    runner.wait()
    assert not ended(stage, 2)
    stage.kill()
