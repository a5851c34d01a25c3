"""Only so much is let in; the rest is told to come again, at once."""

import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from support.pictures import encoded, texture
from support.project import Project
from support.services import running

from swatchbook.server.admission import Admission, Full

GOOD = encoded(texture(1, side=600))
PNG = {"Content-Type": "image/png"}


def test_images_are_counted_in_and_out() -> None:
    seen: list[int] = []
    admission = Admission(4, 100, seen.append)
    with admission.of_images() as large:
        # one request gets half of the places, whatever it brings
        assert [large.grow() for _ in range(3)] == [True, False, False]
        with admission.of_images(), admission.of_images():
            assert admission.is_full
            with pytest.raises(Full, match="too many images are waiting"), admission.of_images():
                pass
            large.shrink(1)
            with admission.of_images():
                assert not large.grow()
            assert large.grow()
    assert seen == [1, 2, 3, 4, 3, 4, 3, 4, 3, 2, 0]
    assert not admission.is_full
    with Admission(1, 100).of_images() as lone:
        assert (lone.count, lone.grow()) == (1, False)


def test_bytes_are_given_back_whatever_happens() -> None:
    admission = Admission(4, 100)
    with admission.of_bytes() as take:
        take(60)
        with admission.of_bytes() as other:
            other(30)
            with pytest.raises(Full, match="too many bytes"):
                other(30)
        take(40)
    with admission.of_bytes() as take:
        take(100)


def test_overload_is_shed_and_health_still_answers(finished: Project, tmp_path: Path) -> None:
    model = finished.folder / "models/model.onnx"
    with running(model, tmp_path / "log", "--queue", "2") as service:  # F10
        service.wait()
        statuses: Counter[int] = Counter()
        waits: set[str] = set()
        until = time.monotonic() + 3

        def ask() -> None:
            while time.monotonic() < until:
                answer = service.post("/v1/classify", data=GOOD, headers=PNG)
                statuses[answer.status_code] += 1
                if answer.status_code == 503:
                    waits.add(answer.headers["Retry-After"])
                    assert answer.json() == {"error": "too many images are waiting"}

        askers = [threading.Thread(target=ask) for _ in range(12)]
        for asker in askers:
            asker.start()
        while time.monotonic() < until:
            assert service.get("/v2/health/live").status_code == 200
            assert service.get("/v2/health/ready").status_code == 200
        for asker in askers:
            asker.join()
        assert set(statuses) == {200, 503}
        assert waits == {"1"}
        assert service.post("/v1/classify", data=GOOD, headers=PNG).status_code == 200
