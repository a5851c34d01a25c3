"""What is being made, under names that say by whom: what a killed process left is known."""

import os
import shutil
import socket
import uuid
from pathlib import Path

import psutil


def name(prefix: str) -> str:
    """A name of this process's own."""
    return f"{prefix}{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex}"


def remove(folder: Path, prefix: str) -> None:
    """Remove what processes of this machine left in ``folder`` that are no more.

    Of other machines nobody can tell here.
    """
    for path in folder.glob(f"{prefix}*"):
        host, _, number = path.name.removeprefix(prefix).rpartition("-")[0].rpartition("-")
        own = host == socket.gethostname() and number.isdecimal()
        if own and not psutil.pid_exists(int(number)):
            shutil.rmtree(path, ignore_errors=True)
