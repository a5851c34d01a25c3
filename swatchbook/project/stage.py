"""What every stage script shares: the lock, and errors as one line with exit code 2."""

import contextlib
import io
import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, NoReturn

from swatchbook.base import collector, files, machine, terminal
from swatchbook.base.errors import DataError, SwatchbookError
from swatchbook.project import params, parent, stage_times

_DETAILS = "details"


def run(main: Callable[[], str]) -> NoReturn:
    """Run a stage's ``main`` in the current folder, print the line it returns, and exit.

    Exits with 0; with 2 and one line on stderr after a SwatchbookError; with 130 after Ctrl-C.
    """
    collector.as_usual()
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
            collector.done()
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


def warn(sentence: str) -> None:
    """Say what goes on but should be known, on stderr."""
    print(f"warning: {terminal.plain(sentence)}", file=sys.stderr)


def stop_or_warn(sentences: list[str], wanted: str) -> None:
    """What becomes of classes that lose their last image: ``acquire.lost_classes``.

    Raises:
        DataError: with the first of ``sentences`` where ``wanted`` is ``stop``.
    """
    if wanted == "go_on":
        for sentence in sentences:
            warn(sentence)
    elif sentences:
        more = f" (and {len(sentences) - 1} more classes)" if len(sentences) > 1 else ""
        raise DataError(f"{sentences[0]}{more}; to go on without it: acquire.lost_classes: go_on")


def _record(name: str, seconds: float) -> None:
    # a stage that has done its work does not fail for want of a note on its time
    with contextlib.suppress(OSError, sqlite3.Error, ValueError, SwatchbookError):
        sections = params.parsed(params.PATH.read_text(encoding="utf-8"), params.PATH)
        given = stage_times.given(name, sections)
        stage_times.record(name, given, json.loads(metrics_path(name).read_bytes()), seconds)


def lock_of(project: Path) -> Path:
    """The lock that a stage of ``project`` holds while it is at work."""
    # outside the project: a lock file in an output folder would be hashed by DVC, and killing
    # only `dvc` leaves its stage running, which the next `dvc repro` must not meet in silence
    key = files.digest(os.fsencode(project.resolve()))[:16]
    return machine.lock(key)


def write_metrics(name: str, content: Mapping[str, Any], headlines: Collection[str] = ()) -> None:
    """Write what the stage ``name`` has to tell of its work, ``headlines`` first.

    Only those are what DVC counts as metrics: all numbers, of every class and interval, would make
    `dvc exp show` wider than any screen. The others stand in a list, which it passes over.
    """
    first = {key: content[key] for key in headlines if key in content}
    rest = {key: value for key, value in content.items() if key not in first}
    files.write_json(metrics_path(name), {**first, _DETAILS: [rest]})


def metrics_of(text: str | bytes) -> dict[str, Any]:
    """What ``write_metrics`` was given. Raises ValueError where ``text`` is none of its files."""
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("no metrics")
    (details,) = found.pop(_DETAILS, [{}])
    return {**found, **details}


def metrics_path(name: str) -> Path:
    """Where the stage ``name`` writes its metrics."""
    # the file that everybody reads has the name of what it holds
    return Path("metrics") / f"{'evaluation' if name == 'evaluate' else name}.json"
