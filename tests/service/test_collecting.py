"""What the service was unsure of is kept where it was asked to, bounded, and not twice."""

import csv
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from support.pictures import encoded, texture
from support.project import Project
from support.services import Service

from swatchbook.base import files
from swatchbook.base.errors import ImageRefused
from swatchbook.service.collecting import LIST, Collector
from swatchbook.service.scoring import Score

PNG = {"Content-Type": "image/png"}
Started = Callable[..., Service]


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / LIST).open() as file:
        return list(csv.DictReader(file))


def pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


@pytest.fixture
def serve(finished: Project, tmp_path: Path) -> Started:  # type: ignore[misc]
    begun = []

    def start(*options: str) -> Service:
        model = finished.folder / "models/model.onnx"
        begun.append(Service(model, tmp_path / f"log{len(begun)}", *options).wait())
        return begun[-1]

    yield start
    for one in begun:
        if one.process.poll() is None:
            one.end()


def test_only_what_it_is_unsure_of_is_kept_as_it_came(serve: Started, tmp_path: Path) -> None:
    folder = tmp_path / "unsure"
    service = serve("--collect", str(folder), "--collect-below", "1", "--collect-most", "3")
    sent = [encoded(texture(500 + number, number)) for number in range(4)]
    for data in [sent[0], sent[0], b"no image", *sent[1:]]:
        service.post("/v1/classify", data=data, headers=PNG)
    assert service.end() == 0
    kept = pictures(folder)
    assert [path.name for path in kept] == sorted(f"{files.digest(one)}.png" for one in sent[:3])
    assert {path.read_bytes() for path in kept} == set(sent[:3])
    listed = rows(folder)
    assert [row["sha256"] for row in listed] == [files.digest(one) for one in sent[:3]]
    assert {row["reason"] for row in listed} == {"not_sure"}
    assert all(float(row["confidence"]) < 1 and row["predicted"] for row in listed)
    (said,) = [line for line in service.lines() if line["event"] == "collect"]
    assert "is full: 3 images" in said["why"]
    # what was deleted makes room, and is not kept again
    kept[0].unlink()
    told: Any = Said()
    again = Collector(folder, 1.0, 3, told)
    deployed, _, scores = unsure(0.0, 0.6, 0.6, 0.6, 0.6)
    again.see(deployed, sent, scores)
    again.close()
    assert told.outcomes == ["known", "known", "known", "kept"]
    assert len(pictures(folder)) == 3
    assert rows(folder)[-1]["sha256"] == files.digest(sent[3])


class Said:
    """Telemetry that is looked into."""

    def __init__(self) -> None:
        self.outcomes: list[str] = []
        self.lines: list[str] = []

    def collected(self, outcome: str) -> None:
        self.outcomes.append(outcome)

    def write(self, event: str, why: str) -> None:
        self.lines.append(f"{event}: {why}")


def unsure(threshold: float, *confidences: float) -> tuple[Any, list[bytes], list[Any]]:
    bundle = SimpleNamespace(threshold=threshold, digest="d" * 64)
    deployed = SimpleNamespace(predictor=SimpleNamespace(bundle=bundle, labels=["a", "b"]))
    scores = [Score(np.array([p, 1 - p], np.float32), np.zeros(2)) for p in confidences]
    contents = [encoded(texture(number, 0)) for number in range(len(scores))]
    return deployed, contents, scores


def test_by_default_it_is_unsure_below_the_threshold_of_the_bundle(tmp_path: Path) -> None:
    said: Any = Said()
    collector = Collector(tmp_path / "unsure", None, 10, said)
    deployed, contents, scores = unsure(0.8, 0.9, 0.7, 0.75)
    collector.see(deployed, [*contents, b"x"], [*scores, ImageRefused("not_image")])
    collector.see(deployed, contents, scores)
    collector.close()
    assert said.outcomes == ["kept", "kept", "known", "known"]
    assert [float(row["confidence"]) for row in rows(tmp_path / "unsure")] == [0.7, 0.75]
    assert said.lines == []


def test_a_model_that_answers_always_is_unsure_of_nothing(tmp_path: Path) -> None:
    said: Any = Said()
    collector = Collector(tmp_path / "unsure", None, 10, said)
    for _ in range(3):
        collector.see(*unsure(0.0, 0.6))
    collector.close()
    assert (said.outcomes, pictures(tmp_path / "unsure")) == ([], [])
    assert len(said.lines) == 1
    assert "this model answers always" in said.lines[0]


def test_a_disk_that_fails_takes_no_answer(tmp_path: Path) -> None:
    folder = tmp_path / "unsure"
    said: Any = Said()
    collector = Collector(folder, 1.0, 10, said)
    (folder / ".collected.csv").mkdir()
    collector.see(*unsure(0.0, 0.6))
    collector.close()
    assert said.outcomes == ["failed"]
    assert "can't write to" in said.lines[0]


def test_a_folder_that_cannot_be_written_is_an_error(finished: Project, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    command = ("python", "-m", "swatchbook", "serve", "--collect")
    done = finished.run(*command, str(tmp_path / "file/in"), ok=False)
    assert done.returncode == 2
    assert "can't be written to" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    done = finished.run(*command[:-1], "--collect-below", "0.5", ok=False)
    assert (done.returncode, "--collect FOLDER says where" in done.stderr) == (2, True)
