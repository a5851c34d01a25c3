"""Services under test: real processes on real sockets."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from support.ports import free_port

ROOT = Path(__file__).parents[2]


class Service:
    """`swatchbook serve` for a model, in a process of its own."""

    def __init__(
        self, model: Path, log: Path, *options: str, folder: Path = ROOT, **environment: str
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        command = [sys.executable, "-m", "swatchbook", "serve", "--model", str(model),
                   "--port", str(self.port), *options]  # fmt: skip
        with log.open("w") as file:
            self.process = subprocess.Popen(
                command, cwd=folder, stderr=file, env={**os.environ, **environment},
                start_new_session=True,
            )  # fmt: skip

    def wait(self, path: str = "/v2/health/ready", status: int = 200) -> "Service":
        """Until ``path`` answers with ``status``."""
        last = time.monotonic() + 60
        while time.monotonic() < last:
            assert self.process.poll() is None, self.log.read_text()
            try:
                if requests.get(self.url + path, timeout=5).status_code == status:
                    return self
            except requests.ConnectionError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"{path} is never {status}: {self.log.read_text()}")

    def post(self, path: str, **options: Any) -> requests.Response:
        """POST to it."""
        return requests.post(self.url + path, timeout=60, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        """GET from it."""
        return requests.get(self.url + path, timeout=60, **options)

    def raw(self, data: bytes, seconds: float = 10) -> bytes:
        """Send bytes as they are; all that comes back until the connection ends."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            connection.sendall(data)
            parts = []
            try:
                while part := connection.recv(65536):
                    parts.append(part)
            except ConnectionResetError:
                pass
            return b"".join(parts)

    def lines(self) -> list[dict[str, Any]]:
        """Its log."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def end(self) -> int:
        """Ask it to end; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)


@contextmanager
def running(
    model: Path, log: Path, *options: str, folder: Path = ROOT, **environment: str
) -> Iterator[Service]:
    """A service until the end of the block, at work in ``folder``."""
    service = Service(model, log, *options, folder=folder, **environment)
    try:
        yield service
    finally:
        if service.process.poll() is None:
            os.killpg(service.process.pid, signal.SIGKILL)
        service.process.wait()
