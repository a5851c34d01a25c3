"""Let the server of ``preloaded`` run what was asked for; see there. Standard library only.

launcher.py SOCKET PYTHON ARGUMENTS
"""

import json
import os
import signal
import socket
import sys

# what libraries read while they are imported, as the server has it
FIXED = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


def _run(name: str, arguments: list[str]) -> int:
    umask = os.umask(0)
    os.umask(umask)
    request = {
        "arguments": arguments, "environment": dict(os.environ), "folder": os.getcwd(),  # noqa: PTH109 (pathlib takes time to import)
        "umask": umask, "group": os.getpgrp(),
    }  # fmt: skip
    text = json.dumps(request).encode()
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(name)
        socket.send_fds(server, [len(text).to_bytes(8, "big")], [0, 1, 2])
        server.sendall(text)
        pid = int.from_bytes(server.recv(4), "big")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, lambda number, _: os.kill(pid, number))
        code = server.recv(4)
        if len(code) < 4:
            sys.exit("launcher: the server ended before what it ran for this")
        return int.from_bytes(code, "big", signed=True)


def main() -> None:
    """Run it there, or here where it asks for what that server doesn't have."""
    name, python, *arguments = sys.argv[1:]
    own = any(os.environ.get(variable) != value for variable, value in FIXED.items())
    own |= any(name.startswith("PYTHON") for name in os.environ if name != "PYTHONPATH")
    if arguments[:1] == ["-u"]:  # the server's files are not buffered for long
        arguments = arguments[1:]
    if arguments[:1] != ["-m"] or own:
        os.execv(python, [python, *arguments])
    code = _run(name, arguments[1:])
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


if __name__ == "__main__":
    main()
