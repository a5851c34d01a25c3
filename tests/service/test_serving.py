"""The end of the service: nothing accepted is dropped."""

import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests
from support.pictures import encoded, texture
from support.project import Project
from support.services import ROOT, Service, running

GOOD = encoded(texture(1))
PNG = {"Content-Type": "image/png"}


@pytest.mark.parametrize("keep", [True, False])
def test_sigterm_under_load_drops_nothing(finished: Project, tmp_path: Path, keep: bool) -> None:
    model = finished.folder / "models/model.onnx"
    with running(model, tmp_path / "log") as service:  # F13
        service.wait()
        ends = threading.Event()
        answers: list[int] = []
        failures: list[Exception] = []

        def ask() -> None:
            session = requests.Session()
            while True:
                try:
                    answer = (session if keep else requests).post(
                        f"{service.url}/v1/classify", data=GOOD, headers=PNG, timeout=30
                    )
                except requests.ConnectionError as error:
                    # at the end nobody listens; a connection that the system had not yet handed
                    # over is reset then, which is why the service counts too
                    if not ends.is_set():
                        failures.append(error)
                    return
                answers.append(answer.status_code)

        askers = [threading.Thread(target=ask) for _ in range(4)]
        for asker in askers:
            asker.start()
        while len(answers) < 20:
            pass
        ends.set()
        service.process.send_signal(signal.SIGTERM)
        service.wait(status=503)
        assert service.get("/v2/health/live").headers["Connection"] == "close"
        assert service.process.wait(30) == 0
        for asker in askers:
            asker.join()
        assert not failures
        assert set(answers) == {200}
        *lines, last = service.lines()
        assert last["event"] == "ended"
        asked = [line["status"] for line in lines if line.get("route") == "/v1/classify"]
        assert asked == answers


def test_a_second_signal_ends_at_once(finished: Project, tmp_path: Path) -> None:
    with running(finished.folder / "models/model.onnx", tmp_path / "log") as service:
        service.wait()
        # a request that is not whole would be waited for
        with socket.create_connection(("127.0.0.1", service.port)) as connection:
            connection.sendall(
                b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"
            )
            time.sleep(0.3)
            service.process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
            service.process.send_signal(signal.SIGTERM)
            assert service.process.wait(5) == 0


def test_others_are_let_in_only_with_a_key(finished: Project) -> None:  # G09
    done = finished.run("python", "-m", "swatchbook", "serve", "--host", "0.0.0.0", ok=False)
    assert done.returncode == 2
    assert done.stderr == (
        "error: --host: 0.0.0.0 can be reached by others: set a key in SWATCHBOOK_API_KEY first\n"
    )


def test_a_port_in_use_ends_it_before_it_says_that_it_listens(service: Service) -> None:  # U11
    done = subprocess.run(
        [sys.executable, "-m", "swatchbook", "serve", "--model", "m.onnx",
         "--port", str(service.port)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: --port: {service.port} at 127.0.0.1 can't be had")
    assert done.stderr.count("\n") == 1
