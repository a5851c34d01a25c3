"""What every stage script shares: the lock, and errors as one line with exit code 2."""

import contextlib
import io
import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from swatchbook import durations, files, machine, params, parent
from swatchbook.errors import SwatchbookError


def run(main: Callable[[], str]) -> NoReturn:
    """Run a stage's ``main`` in the current folder, print the line it returns, and exit.

    Exits with 0; with 2 and one line on stderr after a SwatchbookError; with 130 after Ctrl-C.
    """
    name = Path(sys.argv[0]).stem
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # a terminal that lacks a letter must not fail a stage that has done its work
            stream.reconfigure(errors="replace")
    try:
        with files.locked(lock_of(Path.cwd()), f"{name}: another stage is at work in this folder"):
            parent.watch()
            started = time.monotonic()
            said = main()
            _record(name, time.monotonic() - started)
            print(f"{name}: {said}")
    except SwatchbookError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except (OSError, sqlite3.Error) as error:
        # a full disk or a folder that can't be written to is the user's to mend, not a crash
        print(f"error: {name}: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    raise SystemExit(0)


def _record(name: str, seconds: float) -> None:
    # a stage that has done its work does not fail for want of a note on its time
    with contextlib.suppress(OSError, sqlite3.Error, ValueError, SwatchbookError):
        sections = params.parsed(params.PATH.read_text(encoding="utf-8"), params.PATH)
        given = durations.given(name, sections)
        durations.record(name, given, json.loads(metrics_path(name).read_bytes()), seconds)


def lock_of(project: Path) -> Path:
    """The lock that a stage of ``project`` holds while it is at work."""
    # outside the project: a lock file in an output folder would be hashed by DVC, and killing
    # only `dvc` leaves its stage running, which the next `dvc repro` must not meet in silence
    key = files.digest(os.fsencode(project.resolve()))[:16]
    return machine.cache_folder() / "locks" / f"{key}.lock"


def metrics_path(name: str) -> Path:
    """Where the stage ``name`` writes its metrics."""
    # the file that everybody reads has the name of what it holds
    return Path("metrics") / f"{'evaluation' if name == 'evaluate' else name}.json"
