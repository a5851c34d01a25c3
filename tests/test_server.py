"""The end of the service: nothing accepted is dropped."""

import signal
import socket
import threading
import time
from pathlib import Path

import pytest
import requests
from conftest import Project, encoded, texture
from services import running

from swatchbook.errors import ParamsError
from swatchbook.service import server

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


def test_what_is_loopback() -> None:
    for host in ("localhost", "127.0.0.1", "127.9.9.9", "::1"):
        assert server.is_loopback(host)
    for host in ("0.0.0.0", "::", "192.168.1.2"):
        assert not server.is_loopback(host)
    with pytest.raises(ParamsError, match="--host: 'everywhere' is not an IP address"):
        server.is_loopback("everywhere")


def test_others_are_let_in_only_with_a_key(finished: Project) -> None:  # G09
    done = finished.run("python", "-m", "swatchbook", "serve", "--host", "0.0.0.0", ok=False)
    assert done.returncode == 2
    assert done.stderr == (
        "error: --host: 0.0.0.0 can be reached by others: set a key in SWATCHBOOK_API_KEY first\n"
    )
