"""What the service was unsure of is kept where it was asked to, bounded, and not twice."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from support.pictures import encoded, texture
from support.project import Project
from support.services import Service

from swatchbook.base import files
from swatchbook.service.collecting import LIST

JPEG = {"Content-Type": "image/png"}
Started = Callable[..., Service]


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / LIST).open() as file:
        return list(csv.DictReader(file))


def pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def counted(service: Service) -> dict[str, float]:
    lines = service.get("/metrics").text.splitlines()
    head = 'swatchbook_collected_images_total{outcome="'
    found = [line.removeprefix(head).split('"} ') for line in lines if line.startswith(head)]
    return {name: float(value) for name, value in found}


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
        service.post("/v1/classify", data=data, headers=JPEG)
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
    # what was deleted makes room, and is not kept again; from another route too
    kept[0].unlink()
    again = serve("--collect", str(folder), "--collect-below", "1", "--collect-most", "3")
    for data in (sent[0], sent[1], sent[2], sent[3]):
        again.post("/score", files={"file": data})
        again.post("/v1/classify", data=data, headers=JPEG)
    assert again.end() == 0
    assert len(pictures(folder)) == 3
    assert rows(folder)[-1]["sha256"] == files.digest(sent[3])


def test_without_being_asked_nothing_is_kept(serve: Started, tmp_path: Path) -> None:
    folder = tmp_path / "unsure"
    service = serve("--collect", str(folder))
    service.post("/v1/classify", data=encoded(texture(500, 0)), headers=JPEG)
    assert counted(service) == {}
    assert service.end() == 0
    assert pictures(folder) == []
    (said,) = [line for line in service.lines() if line["event"] == "collect"]
    assert "this model answers always" in said["why"]


def test_a_folder_that_cannot_be_written_is_an_error(finished: Project, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    command = ("python", "-m", "swatchbook", "serve", "--collect")
    for folder, says in ((tmp_path / "file/in", "can't be written to"),):
        done = finished.run(*command, str(folder), ok=False)
        assert done.returncode == 2
        assert says in done.stderr
        assert len(done.stderr.splitlines()) == 1
    done = finished.run(*command[:-1], "--collect-below", "0.5", ok=False)
    assert (done.returncode, "--collect FOLDER says where" in done.stderr) == (2, True)
