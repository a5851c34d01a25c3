"""Commands that a page may start, one of a kind at a time: what they say, and how they end.

The commands are fixed; nothing of a request becomes a word of them.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from swatchbook.base.errors import BusyError, DataError

_MOST_LINES = 400
_END_SECONDS = 10


@dataclass
class _Execution:
    """One run of a command; ``count`` lines were said, of which the last ones are kept."""

    process: subprocess.Popen[str]
    started: float = field(default_factory=time.time)
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=_MOST_LINES))
    count: int = 0
    ended: float | None = None
    is_stopped: bool = False


class Job:
    """Python modules run with arguments, one of ``commands`` after the other as long as they
    succeed; ``what`` it is called in refusals."""

    def __init__(self, commands: Sequence[Sequence[str]], what: str) -> None:
        self._commands = commands
        self._what = what
        self._changing = threading.Lock()
        self._last: _Execution | None = None

    def start(self) -> None:
        """Begin.

        Raises:
            BusyError: it is at work, here or elsewhere.
            ParamsError: a value of params.yaml is not allowed.
        """
        with self._changing:
            if self._last and self._last.ended is None:
                raise BusyError(f"{self._what} is at work: wait until it has ended, or stop it")
            self._before()
            first, *others = self._commands
            self._last = _Execution(_begun(first))
            threading.Thread(target=self._follow, args=[self._last, others], daemon=True).start()

    def stop(self) -> None:
        """End it as Ctrl-C does; what was done is kept."""
        last = self._last
        if last is None or last.ended is not None:
            raise DataError(
                f"{self._what} is not at work: there is nothing to stop; see what it said"
            )
        with self._changing, contextlib.suppress(ProcessLookupError):
            last.is_stopped = True
            os.killpg(last.process.pid, signal.SIGINT)

    def close(self) -> None:
        """End what is at work, for the one who reads what it says is ending."""
        last = self._last
        if last and last.process.poll() is None:
            with contextlib.suppress(DataError):
                self.stop()
            with contextlib.suppress(subprocess.TimeoutExpired):
                last.process.wait(_END_SECONDS)

    def state(self, since: int = 0) -> dict[str, Any]:
        """Whether it is at work, for how long, and what was said after line ``since``."""
        last = self._last
        if last is None:
            return {"state": "none"}
        new = min(len(last.lines), max(0, last.count - since))
        ended = "failed" if last.process.returncode else "done"
        return {
            "state": "running" if last.ended is None else ended,
            "seconds": round((last.ended or time.time()) - last.started, 1),
            "lines": list(last.lines)[len(last.lines) - new :],
            "count": last.count,
            **self._more(),
        }

    def _before(self) -> None:
        """What must hold, and what is kept for later."""

    def _said(self, line: str) -> None:
        """What a line means."""

    def _ended(self, code: int) -> None:
        """What follows from its end."""

    def _more(self) -> dict[str, Any]:
        """What else its state is."""
        return {}

    def _follow(self, last: _Execution, others: Sequence[Sequence[str]]) -> None:
        waiting = list(others)
        while True:
            assert last.process.stdout is not None
            with last.process.stdout as said:
                for line in said:
                    last.lines.append(line.rstrip("\n"))
                    last.count += 1
                    self._said(line)
            code = last.process.wait()
            with self._changing:
                if code or last.is_stopped or not waiting:
                    break
                last.process = _begun(waiting.pop(0))
        try:
            self._ended(code)
        finally:
            last.ended = time.time()


def _begun(command: Sequence[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace",
        env={**os.environ, "PYTHONUNBUFFERED": "1"}, start_new_session=True,
    )  # fmt: skip
