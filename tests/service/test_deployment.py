"""A new model takes over without a failed request; a bad one never does."""

import json
import shutil
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest
from support.pictures import encoded, texture
from support.project import Project
from support.services import Service, running

from swatchbook.base import machine

GOOD = encoded(texture(1))
PNG = {"Content-Type": "image/png"}


@pytest.fixture(scope="module")
def other(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models of the same project with images of another size."""
    project = finished.copied(tmp_path_factory.mktemp("other"))
    project.set("refine_dnn.resolution", "40")
    project.repro()
    return project.folder / "models"


@pytest.fixture
def models(finished: Project, other: Path, tmp_path: Path) -> dict[str, Path]:
    """Two models, and the folder that serves."""
    shutil.copytree(finished.folder / "models", tmp_path / "served")
    return {"first": finished.folder / "models", "second": other, "served": tmp_path / "served"}


def put(models: dict[str, Path], name: str) -> None:
    shutil.copytree(models[name], models["served"], dirs_exist_ok=True)


def digest(service: Service) -> str:
    return str(service.get("/v1/model").json()["sha256"])


def decoders(service: Service) -> list[psutil.Process]:
    children = psutil.Process(service.process.pid).children()
    return [one for one in children if "swatchbook.untrusted.worker" in one.cmdline()]


def test_reloads_under_load_fail_no_request(models: dict[str, Path], tmp_path: Path) -> None:  # F12
    with running(models["served"] / "model.onnx", tmp_path / "log") as service:
        service.wait()
        stop = threading.Event()
        seen: list[tuple[int, str]] = []

        def ask() -> None:
            while not stop.is_set():
                answer = service.post("/v1/classify", data=GOOD, headers=PNG)
                seen.append((answer.status_code, answer.json().get("model", "")))

        askers = [threading.Thread(target=ask) for _ in range(3)]
        for asker in askers:
            asker.start()
        served = set()
        for number in range(4):
            put(models, ("second", "first")[number % 2])
            answer = service.post("/v1/reload")
            assert answer.status_code == 200, answer.text
            served.add(answer.json()["sha256"])
            assert digest(service) == answer.json()["sha256"]
        stop.set()
        for asker in askers:
            asker.join()
        assert {status for status, _ in seen} == {200}
        assert {model for _, model in seen} == served
        assert len(served) == 2
        # only one model, with its processes, is left at work
        until = time.monotonic() + 10
        while len(decoders(service)) > machine.workers() and time.monotonic() < until:
            time.sleep(0.1)
        assert len(decoders(service)) == machine.workers()
        assert service.end() == 0


def test_a_bad_model_is_refused_and_the_old_one_stays(
    models: dict[str, Path], tmp_path: Path
) -> None:  # F12 F15
    with running(models["served"] / "model.onnx", tmp_path / "log") as service:
        before = digest(service.wait())
        path = models["served"] / "model.onnx"
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        answer = service.post("/v1/reload")
        assert answer.status_code == 409
        assert "not an ONNX file" in answer.json()["error"]
        # the other model with these golden images
        path.write_bytes((models["second"] / "model.onnx").read_bytes())
        answer = service.post("/v1/reload")
        assert answer.status_code == 409
        assert "belongs to another model" in answer.json()["error"]
        # golden images that say something else
        put(models, "second")
        table = json.loads((models["served"] / "golden/golden.json").read_text())
        table["images"][0]["probabilities"]["float32"].reverse()
        (models["served"] / "golden/golden.json").write_text(json.dumps(table))
        answer = service.post("/v1/reload")
        assert answer.status_code == 409
        assert "where it must give" in answer.json()["error"]
        assert service.get("/v2/health/ready").status_code == 200
        assert service.get("/v1/model").json()["last_refused"] == answer.json()["error"]
        assert service.post("/v1/classify", data=GOOD, headers=PNG).json()["model"] == before
        assert 'swatchbook_reloads_total{outcome="refused"} 3.0' in service.get("/metrics").text


@pytest.mark.parametrize("content", [None, b"", b"junk"])
def test_without_a_model_it_lives_and_is_not_ready(
    models: dict[str, Path], tmp_path: Path, content: bytes | None
) -> None:  # F14
    path = tmp_path / "empty" / "model.onnx"
    path.parent.mkdir()
    if content is not None:
        path.write_bytes(content)
    with running(path, tmp_path / "log") as service:
        service.wait("/v2/health/live")
        answer = service.wait(status=503).get("/v2/health/ready")
        assert (answer.status_code, answer.json()["ready"]) == (503, False)
        for answer in (
            service.post("/v1/classify", data=GOOD, headers=PNG),
            service.post("/score", json={"data": ["x"]}),
            service.post("/v2/models/tiny/infer", json={}),
            service.get("/v1/model"),
        ):
            assert answer.status_code == 503
            assert answer.headers["Retry-After"]
        # and a signal brings one, when it is there
        shutil.copytree(models["first"], path.parent, dirs_exist_ok=True)
        service.process.send_signal(signal.SIGHUP)
        service.wait()
        assert service.post("/v1/classify", data=GOOD, headers=PNG).status_code == 200


def test_two_reloads_at_once_are_one_after_the_other(
    models: dict[str, Path], tmp_path: Path
) -> None:
    with running(models["served"] / "model.onnx", tmp_path / "log") as service:
        service.wait()
        codes: list[int] = []
        threads = [
            threading.Thread(target=lambda: codes.append(service.post("/v1/reload").status_code))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert codes == [200] * 4
        time.sleep(0.1)
        assert service.post("/v1/classify", data=GOOD, headers=PNG).status_code == 200
