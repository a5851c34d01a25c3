"""`dvc repro` from a page, and whether what came of it is better: one run at a time.

Its commands are fixed; nothing of a request becomes a word of them.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from swatchbook.base import files
from swatchbook.base.errors import BusyError, DataError, SwatchbookError
from swatchbook.evaluation.parameters import Evaluate
from swatchbook.experiments import comparison, comparison_report
from swatchbook.pipeline import params as all_params
from swatchbook.project import params, stage, tables
from swatchbook.project.params import STAGES

_RUNS = re.compile(r"Running stage '(\w+)'")
_SKIPS = re.compile(r"Stage '(\w+)' (didn't change|is cached)")
_MOST_LINES = 400
_MOST_FLIPS = 200
_END_SECONDS = 10
BEFORE, AFTER = "the one before", "the new run"


@dataclass
class _Run:
    """What is known of a run; ``stages`` has of each that was reached what became of it."""

    process: subprocess.Popen[str]
    before: pd.DataFrame | None
    started: float = field(default_factory=time.time)
    stages: dict[str, str] = field(default_factory=dict)
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=_MOST_LINES))
    count: int = 0
    ended: float | None = None
    verdict: dict[str, Any] = field(default_factory=dict)


class Rerun:
    """The run that a page began last."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._run: _Run | None = None

    def start(self) -> None:
        """Begin to run what changed.

        Raises:
            BusyError: a run is at work, here or elsewhere.
            ParamsError: a value of params.yaml is not allowed.
        """
        with self._changing:
            if self._run and self._run.ended is None:
                raise BusyError("a run is at work: wait until it has ended, or stop it")
            with files.locked(stage.lock_of(Path.cwd()), "a stage is at work in this folder"):
                pass
            all_params.load()
            process = subprocess.Popen(
                [sys.executable, "-m", "dvc", "repro"], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                env={**os.environ, "PYTHONUNBUFFERED": "1"}, start_new_session=True,
            )  # fmt: skip
            self._run = _Run(process, _predictions())
            threading.Thread(target=self._follow, args=[self._run], daemon=True).start()

    def stop(self) -> None:
        """End it as Ctrl-C does; what was done is kept."""
        run = self._run
        if run is None or run.ended is not None:
            raise DataError("no run is at work to be stopped; see /changes")
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.process.pid, signal.SIGINT)

    def close(self) -> None:
        """End what is at work, for the one who reads what it says is ending."""
        run = self._run
        if run and run.process.poll() is None:
            with contextlib.suppress(DataError):
                self.stop()
            with contextlib.suppress(subprocess.TimeoutExpired):
                run.process.wait(_END_SECONDS)

    def state(self, since: int = 0) -> dict[str, Any]:
        """Stages in order, what was said after line ``since``, and at the end the verdict."""
        run = self._run
        if run is None:
            return {"state": "none"}
        new = min(len(run.lines), max(0, run.count - since))
        ended = "failed" if run.process.returncode else "done"
        return {
            "state": "running" if run.ended is None else ended,
            "seconds": round((run.ended or time.time()) - run.started, 1),
            "stages": [{"name": name, "state": run.stages.get(name, "")} for name in STAGES],
            "lines": list(run.lines)[len(run.lines) - new :],
            "count": run.count,
            **run.verdict,
        }

    def _follow(self, run: _Run) -> None:
        assert run.process.stdout
        for line in run.process.stdout:
            run.lines.append(line.rstrip("\n"))
            run.count += 1
            if found := _RUNS.search(line):
                _done(run.stages)
                run.stages[found[1]] = "running"
            elif found := _SKIPS.search(line):
                _done(run.stages)
                run.stages[found[1]] = "unchanged"
        code = run.process.wait()
        if code == 0:
            _done(run.stages)
            run.verdict = _verdict(run.before)
        run.ended = time.time()


def _done(stages: dict[str, str]) -> None:
    for name, state in stages.items():
        if state == "running":
            stages[name] = "done"


def _predictions() -> pd.DataFrame | None:
    try:
        return tables.PREDICTIONS.read()
    except DataError:
        return None


def _verdict(before: pd.DataFrame | None) -> dict[str, Any]:
    """In words whether the run is better, what to know of that, and the images that flipped."""
    after = _predictions()
    if before is None or after is None:
        return {"verdict": "This was the first run: nothing to compare it with.", "flips": []}
    settings = params.load(Evaluate)
    try:
        (found,) = comparison.compare(
            before, [after], settings.confidence, settings.resamples, settings.seed
        )
    except SwatchbookError as error:
        return {"verdict": f"The runs can't be compared: {error}", "flips": []}
    shown = ["sha256", "kind", "label", "predicted_a", "predicted_b"]
    return {
        "verdict": comparison_report.sentence(BEFORE, AFTER, found),
        "notes": comparison_report.notes(BEFORE, AFTER, found),
        "flips": found.shared.flips[shown].head(_MOST_FLIPS).to_dict("records"),
        "flipped": len(found.shared.flips),
    }
