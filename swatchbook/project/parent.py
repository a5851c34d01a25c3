"""A stage ends with the DVC that runs it.

Who kills only ``dvc`` (a closed terminal, a batch system) leaves its stage at work, and the next
``dvc repro`` would start a second one beside it.
"""

import contextlib
import os
import signal
import sys
import threading
import time

import psutil

_SHELLS = {"sh", "bash", "dash", "zsh", "ash", "ksh", "fish"}
_EVERY = 0.5
# not that of Ctrl-C, where there is another: what runs in the background ignores that one
_SIGNAL = getattr(signal, "SIGUSR1", signal.SIGINT)
# long enough to close files and end helpers; what hangs longer than that is ended all the same
_GRACE = 15.0


def watch() -> None:
    """Interrupt this process as Ctrl-C does when the DVC above it ends; nothing without one."""
    # DVC tells its stages where the project is: https://dvc.org/doc/user-guide/env
    if "DVC_ROOT" not in os.environ:
        return
    runner = _runner()
    if runner is not None:
        signal.signal(_SIGNAL, signal.default_int_handler)
        threading.Thread(target=_wait_for, args=[runner], daemon=True).start()


def _runner() -> psutil.Process | None:
    """The nearest ancestor that is no shell."""
    try:
        return next((one for one in psutil.Process().parents() if one.name() not in _SHELLS), None)
    except psutil.Error:
        return None  # it has just ended, or isn't ours to look at


def _wait_for(runner: psutil.Process) -> None:
    while _is_alive(runner):
        time.sleep(_EVERY)
    with contextlib.suppress(OSError):  # what it wrote to may be gone too
        print("stopped: the dvc that ran this stage has ended", file=sys.stderr, flush=True)
    os.kill(os.getpid(), _SIGNAL)
    time.sleep(_GRACE)
    os._exit(130)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True
