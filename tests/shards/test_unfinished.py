"""What dead processes left goes; what living ones, or those of other machines, make stays."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from swatchbook.shards import unfinished


def test_what_dead_processes_left_goes(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    folder = tmp_path / "folder"
    folder.mkdir()
    names = {
        "dead": f".x-{socket.gethostname()}-{dead.pid}-abc",
        "living": f".x-{socket.gethostname()}-{os.getpid()}-abc",
        "of another machine": f".x-elsewhere-{dead.pid}-abc",
        "own": unfinished.name(".x-"),
        "of another kind": f".y-{socket.gethostname()}-{dead.pid}-abc",
    }
    for name in names.values():
        (folder / name).mkdir()
    unfinished.remove(folder, ".x-")
    left = {path.name for path in folder.iterdir()}
    assert left == set(names.values()) - {names["dead"]}
