"""Running an HTTP application: its socket, and an end that drops nothing."""

import ipaddress
import logging
import socket
import threading
from types import FrameType

import uvicorn
from fastapi import FastAPI

from swatchbook.base.errors import ParamsError
from swatchbook.server.connection import LimitedProtocol
from swatchbook.server.telemetry import Telemetry

# so long is every answer the last of its connection before the socket closes: clients that keep
# connections, and whoever sends them here by readiness, move on in that time
DRAIN_SECONDS = 1.0
GRACE_SECONDS = 30
_MOST_SAID = 300
_BACKLOG = 512


class _AsLines(logging.Handler):
    """What uvicorn and other libraries have to say, in the form of the service's own log."""

    def __init__(self, telemetry: Telemetry) -> None:
        super().__init__(logging.WARNING)
        self._telemetry = telemetry

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        said = record.getMessage()[:_MOST_SAID]
        self._telemetry.write("server", level=record.levelname, by=record.name, said=said)


class Server(uvicorn.Server):
    """uvicorn that first says it is ending, then ends."""

    def __init__(self, app: FastAPI, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """On the first signal drain; on the next end at once."""
        if self._app.state.draining:
            self.should_exit = self.force_exit = True
            return
        self._app.state.draining = True
        threading.Timer(DRAIN_SECONDS, self._end).start()

    def _end(self) -> None:
        self.should_exit = True


def bound(host: str, port: int) -> socket.socket:
    """A socket that only who asks here gets.

    Raises:
        ParamsError: where the port is in use, or may not be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    own = socket.socket(family, socket.SOCK_STREAM)
    own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        own.bind((host, port))
    except OSError as error:
        own.close()
        why = (error.strerror or str(error)).lower()
        raise ParamsError(f"--port: {port} at {host} can't be had ({why}); try another") from None
    return own


def bound_from(host: str, port: int, tries: int = 20) -> socket.socket:
    """As ``bound``, at the first of so many ports that is free, and who comes waits already.

    Raises:
        ParamsError: none is.
    """
    for number in range(port, min(port + tries, 65536)):
        try:
            own = bound(host, number)
            own.listen(_BACKLOG)
        except (ParamsError, OSError):
            continue
        return own
    raise ParamsError(f"--port: {port} to {port + tries - 1} are all in use; try another")


def run(app: FastAPI, telemetry: Telemetry, own: socket.socket) -> None:
    """Answer at a ``bound`` socket until a signal."""
    host, port = own.getsockname()[:2]
    config = uvicorn.Config(
        app, host=host, port=port, http=LimitedProtocol, ws="none", lifespan="on",
        log_config=None, access_log=False, server_header=False, date_header=True,
        timeout_graceful_shutdown=GRACE_SECONDS, backlog=_BACKLOG,
    )  # fmt: skip
    logging.getLogger().addHandler(_AsLines(telemetry))
    # what is wrong with a form is told to who sent it
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
    own.listen(_BACKLOG)  # from here on who comes waits, and isn't turned away
    telemetry.write("listening", host=host, port=port)
    Server(app, config).run(sockets=[own])
    telemetry.write("ended")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``. Raises ParamsError where it is no address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise ParamsError(f"--host: {host!r} is not an IP address or localhost") from None
