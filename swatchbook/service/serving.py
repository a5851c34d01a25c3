"""The service from its first signal to its last: the model is loaded, and loaded anew."""

import signal
import threading
from concurrent.futures import CancelledError

from fastapi import FastAPI

from swatchbook.base.errors import SwatchbookError
from swatchbook.server import running
from swatchbook.server.telemetry import Telemetry
from swatchbook.service.deployment import Deployment


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
    own = running.bound(host, port)
    load_anew()
    running.run(app, telemetry, own)
