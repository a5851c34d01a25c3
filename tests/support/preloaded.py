"""A Python that has imported all that Swatchbook imports of others, and forks for each command.

Tests start hundreds of processes, and most of their time would go into importing the same
libraries. So `Project.run` finds a `python` and a `dvc` first on its PATH that hand their
arguments, environment, folder and files to this server; its fork runs them as ``python -m`` does,
with the code of the folder they stand in. None of Swatchbook's own code is imported beforehand.

    python -m support.preloaded SOCKET LAUNCHER
"""

import ast
import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import selectors
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import types
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from support import lock_files
from support.launcher import FIXED

ROOT = Path(__file__).parents[2]
OURS = {"swatchbook", "stages"}
# they start threads when they are imported, and threads don't live on in a fork
_THREADED = {"onnxruntime", "openvino"}
_servers: list[tuple[subprocess.Popen, Path]] = []
_LAUNCHERS = {"python": [], "dvc": ["-m", "dvc"]}


def inherited() -> dict[str, str]:
    """That of this process, but for what tells Python how to run.

    Without PYTHONDONTWRITEBYTECODE, a copy of a project brings its bytecode along: hundreds of
    processes need not compile it.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


@dataclass(frozen=True)
class Prepared:
    """A folder of `python` and `dvc` for PATH, and the command of the server that they need.

    ``listener`` is to be passed on to the server, which ends when its standard input does.
    """

    home: Path
    listener: socket.socket

    @property
    def command(self) -> list[str]:
        """To be run in ``tests``."""
        number, launcher = str(self.listener.fileno()), str(self.home / "python")
        return [sys.executable, "-m", "support.preloaded", number, launcher]


def prepared() -> Prepared:
    """A folder whose commands wait for its server to be started."""
    home = Path(tempfile.mkdtemp(prefix="swatchbook-preloaded-"))
    name = str(home / "socket")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(name)
    listener.listen(64)
    for launcher, arguments in _LAUNCHERS.items():
        path = home / launcher
        words = [sys.executable, "-ISE", str(Path(__file__).with_name("launcher.py")), name]
        path.write_text(
            f'#!/bin/sh\nexec {shlex.join([*words, sys.executable, *arguments])} "$@"\n'
        )
        path.chmod(0o755)
    return Prepared(home, listener)


def started(**environment: str) -> str:
    """The folder of a server of its own, whose forks have read this ``environment`` at start."""
    one = prepared()
    # it ends when this process does, whichever way: its standard input then ends
    server = subprocess.Popen(
        one.command, stdin=subprocess.PIPE, pass_fds=[one.listener.fileno()], cwd=ROOT / "tests",
        env={**inherited(), **FIXED, **environment},
    )  # fmt: skip
    one.listener.close()
    _servers.append((server, one.home))
    return str(one.home)


@cache
def folder() -> str:
    """Of `python` and `dvc` that let a server of this process run what they are asked to."""
    return started()


def end() -> None:
    """End the server, where there is one."""
    while _servers:
        server, home = _servers.pop()
        server.communicate()
        shutil.rmtree(home)


def _imports() -> Iterator[str]:
    """The names of all modules of others that our code imports."""
    for path in (one for name in OURS for one in (ROOT / name).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _preload() -> None:
    for name in sorted({*_imports(), "dvc.cli.parser", "dvc.repo.reproduce", "dvc_s3", "s3fs"}):
        if name.split(".")[0] not in OURS | _THREADED:
            # names that are no modules, and CNTK's
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    assert not OURS & set(sys.modules)
    lock_files.patch()
    # the allocator of Arrow takes care of forks
    threads = {path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")}
    assert threads <= {"python", "jemalloc_bg_thd"}, f"a library started a thread: {threads}"
    gc.collect()
    gc.freeze()


def _received(connection: socket.socket) -> tuple[dict, list[int]]:
    head, files, _, _ = socket.recv_fds(connection, 8, 3)
    length, text = int.from_bytes(head, "big"), b""
    while len(text) < length:
        if not (part := connection.recv(length - len(text))):
            raise ConnectionError
        text += part
    return json.loads(text), files


def _serve(listener: socket.socket) -> dict | None:
    """Fork for each request; in the fork, return what it asks for. None at the end."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, lambda *_: None)
    waiting: dict[int, socket.socket] = {}
    selector = selectors.DefaultSelector()
    for file in (listener, reader, sys.stdin):
        selector.register(file, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is sys.stdin:
                return None
            if key.fileobj is listener:
                connection, _ = listener.accept()
                try:
                    request, files = _received(connection)
                except OSError:  # killed before it had asked
                    connection.close()
                    continue
                pid = os.fork()
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    for number in (signal.SIGCHLD, signal.SIGINT):
                        signal.signal(number, signal.SIG_DFL)
                    signal.signal(signal.SIGINT, signal.default_int_handler)
                    selector.close()
                    for one in (listener, reader, writer, *waiting.values()):
                        one.close()
                    connection.close()
                    for target, file in enumerate(files):
                        os.dup2(file, target)
                        os.close(file)
                    return request
                for file in files:
                    os.close(file)
                with contextlib.suppress(OSError):
                    connection.sendall(pid.to_bytes(4, "big"))
                waiting[pid] = connection
                selector.register(connection, selectors.EVENT_READ)
            elif key.fileobj is reader:
                reader.recv(4096)
                for pid in [*waiting]:
                    done, status = os.waitpid(pid, os.WNOHANG)
                    if done:
                        connection = waiting.pop(pid)
                        if connection in selector.get_map():
                            selector.unregister(connection)
                        with contextlib.suppress(OSError):
                            code = os.waitstatus_to_exitcode(status)
                            connection.sendall(code.to_bytes(4, "big", signed=True))
                        connection.close()
            else:  # the launcher is gone: killed
                for pid, connection in waiting.items():
                    if connection is key.fileobj:
                        os.kill(pid, signal.SIGKILL)
                        selector.unregister(connection)
                        break


def main() -> None:
    """Import, then fork for each request until standard input ends."""
    listener = socket.socket(fileno=int(sys.argv[1]))
    _preload()
    request = _serve(listener)
    if request is None:
        return
    os.chdir(request["folder"])
    # what is sent to all of the launcher's group is sent to this one, where the session is the same
    with contextlib.suppress(OSError):
        os.setpgid(0, request["group"])
    os.umask(request["umask"])
    os.environ.clear()
    os.environ.update(request["environment"])
    module, *arguments = request["arguments"]
    launcher, sys.argv = sys.argv[2], [module, *arguments]
    sys.orig_argv = [sys.executable, "-m", module, *arguments]
    # what it starts in its turn starts at once, too
    sys.executable = launcher
    sys.path[0] = request["folder"]
    sys.path[1:1] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    importlib.invalidate_caches()
    sys.path_importer_cache.clear()
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        # what `python -m` itself calls
        runpy._run_module_as_main(module, alter_argv=True)
        code = 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    # as Python ends, but for taking all modules apart: that would copy the memory of this fork
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
