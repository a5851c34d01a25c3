"""`swatchbook browse` under test, as a real server."""

import hashlib
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from support.ports import free_port
from support.project import Project


class Browsing:
    """`swatchbook browse` in a project, in a process of its own."""

    def __init__(
        self, project: Project, *options: str, annotator: str = "ann", quick: bool = True
    ) -> None:
        self.port = free_port()
        command = ["python", "-m", "swatchbook", "browse", "--no-open", "--port", str(self.port)]
        self.process = subprocess.Popen(
            [*command, "--annotator", annotator, *options], cwd=project.folder, text=True,
            env=project.quick_environment if quick else project.environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert self.process.stdout
        said = self.process.stdout.readline()
        if not said.startswith("browse: http://"):
            self.process.kill()
            raise AssertionError(said, *self.process.communicate())
        self.entry = said.split()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        (self.token,) = parse_qs(urlsplit(self.entry).query).get("token", [""])
        # what a browser that has shown it wears
        self.worn = hashlib.sha256(self.token.encode()).hexdigest()
        self.head = {"Authorization": f"Bearer {self.token}"}

    def get(self, path: str, **options: Any) -> requests.Response:
        """GET as a script with the token."""
        options = {"headers": self.head, "timeout": 30, **options}
        return requests.get(self.url + path, **options)

    def post(self, path: str, content: Any, **headers: str) -> requests.Response:
        """POST JSON as a script with the token."""
        return requests.post(
            self.url + path, json=content, headers={**self.head, **headers}, timeout=30
        )

    def settled(self, path: str, while_: str, seconds: float = 120) -> dict[str, Any]:
        """What ``path`` says once its state is another than ``while_``."""
        last = time.monotonic() + seconds
        while time.monotonic() < last:
            told: dict[str, Any] = self.get(path).json()
            if told["state"] != while_:
                return told
            time.sleep(0.2)
        raise AssertionError(told)

    def end(self) -> str:
        """Ctrl-C; what it said of errors."""
        self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=30)[1]


@contextmanager
def browsing(
    project: Project, *options: str, annotator: str = "ann", quick: bool = True
) -> Iterator[Browsing]:
    """One, until the end of the block; not ``quick`` where its processes are sent signals."""
    one = Browsing(project, *options, annotator=annotator, quick=quick)
    try:
        yield one
    finally:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()
