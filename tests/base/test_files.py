"""A file is the old one or the new one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.project import ROOT

from swatchbook.base import files
from swatchbook.base.errors import BusyError


def test_a_failed_write_leaves_the_old_file_and_nothing_else() -> None:
    path = Path("a/file.txt")
    files.write_bytes(path, b"old")

    def fail() -> None:
        with files.replacing(path) as temporary:
            temporary.write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_bytes() == b"old"
    assert [file.name for file in path.parent.iterdir()] == ["file.txt"]


def test_metrics_never_hold_nan_and_are_rounded() -> None:
    files.write_json(Path("m.json"), {"a": 1 / 3, "b": {"c": [2 / 3]}, "é": 1})
    assert json.loads(Path("m.json").read_text()) == {"a": 0.333333, "b": {"c": [0.666667]}, "é": 1}
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(Path("m.json"), {"a": float("nan")})


def test_a_lock_is_refused_while_held_and_free_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    code = (
        "import sys, time, pathlib; from swatchbook.base import files\n"
        f"with files.locked(pathlib.Path({str(path)!r}), 'x'):\n"
        "    print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(BusyError, match="x: wait until it has ended"), files.locked(path, "x"):
            pass
        holder.kill()
    with files.locked(path, "x"):
        pass
