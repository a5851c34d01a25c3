"""Running the application: sockets, signals, and an end that drops nothing."""

import ipaddress
import logging
import signal
import threading
from concurrent.futures import CancelledError
from types import FrameType

import uvicorn
from fastapi import FastAPI

from swatchbook.errors import ParamsError, SwatchbookError
from swatchbook.service.deployment import Deployment
from swatchbook.service.telemetry import Telemetry
from swatchbook.service.wire import LimitedProtocol

# so long is every answer the last of its connection before the socket closes: clients that keep
# connections, and whoever sends them here by readiness, move on in that time
DRAIN_SECONDS = 1.0
GRACE_SECONDS = 30
_MOST_SAID = 300


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


def serve(app: FastAPI, deployment: Deployment, telemetry: Telemetry, host: str, port: int) -> None:
    """Load the model and answer until a signal; SIGHUP loads the model anew.

    A model that is refused does not end the service: it lives, and is not ready.
    """

    def load() -> None:
        try:
            deployed = deployment.load().result()
        except CancelledError:
            return  # the end came first
        except SwatchbookError as error:
            telemetry.write("model refused", why=str(error))
        else:
            predictor = deployed.predictor
            telemetry.write(
                "model", sha256=predictor.bundle.digest, engine=predictor.engine,
                precision=predictor.precision, batch=deployed.scorer.batch, note=predictor.note,
            )  # fmt: skip

    def load_anew(*_: object) -> None:
        threading.Thread(target=load, daemon=True).start()

    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, load_anew)
    load_anew()
    config = uvicorn.Config(
        app, host=host, port=port, http=LimitedProtocol, ws="none", lifespan="on",
        log_config=None, access_log=False, server_header=False, date_header=True,
        timeout_graceful_shutdown=GRACE_SECONDS, backlog=512,
    )  # fmt: skip
    logging.getLogger().addHandler(_AsLines(telemetry))
    # what is wrong with a form is told to who sent it
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
    telemetry.write("listening", host=host, port=port)
    Server(app, config).run()
    telemetry.write("ended")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``. Raises ParamsError where it is no address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise ParamsError(f"--host: {host!r} is not an IP address or localhost") from None
