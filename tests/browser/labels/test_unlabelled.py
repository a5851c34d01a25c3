"""New images are ranked, labelled, put into the source, and read by the next run."""

import shutil
import time
from pathlib import Path

import pytest
from support.browsing import Browsing, browsing
from support.pictures import encoded, new_images, texture
from support.project import Project

from swatchbook.base import files


@pytest.fixture
def folder(tmp_path: Path, project: Project) -> Path:
    """Six new images, one that the project has, and one that is none."""
    known = next((project.folder / "data/images").rglob("*.png"))
    return new_images(tmp_path / "unsure", 6, known)


def test_from_a_folder_to_a_new_verdict(project: Project, folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    origin = next(
        line.split("folder:")[1]
        for line in (project.folder / "params.yaml").read_text().splitlines()
        if line.startswith("  source: ")
    )
    shutil.copytree(origin, source)
    project.set("acquire.source", f"folder:{source}")
    with browsing(project, "--from", str(folder)) as browse:
        told = browse.settled("/api/new", "looking")
        assert (told["total"], told["taken"], told["labelled"]) == (6, 0, 0)
        assert list(told["left_out"].values()) == ["not_image"]
        scores = [one["score"] for one in told["images"]]
        assert scores == sorted(scores)
        digests = [one["sha256"] for one in told["images"]]
        assert browse.get(f"/new/{digests[0]}?side=128").headers["content-type"] == "image/jpeg"
        assert browse.get(f"/new/{'0' * 20}").status_code == 409
        labels = ["red", "red", "striped", "exclude"]
        said = [{"sha256": one, "label": label} for one, label in zip(digests, labels)]  # noqa: B905
        assert browse.post("/api/new", {"labels": said}).json() == {"images": 4}
        browse.post("/api/new", {"labels": [{"sha256": digests[1], "label": ""}]})
        refused = browse.post("/api/new", {"labels": [{"sha256": digests[0], "label": "a/b"}]})
        assert (refused.status_code, "not a name" in refused.json()["error"]) == (409, True)
    # what was said outlives a restart
    with browsing(project, "--from", str(folder)) as browse:
        told = browse.settled("/api/new?by=random", "looking")
        assert told["labelled"] == 3
        before = {path.name for path in source.rglob("*.png")}
        taken = browse.post("/api/new/take-in", {}).json()["taken"]
        assert taken == {"red": 1, "striped": 1}
        added = [path for path in source.rglob("*.png") if path.name not in before]
        assert sorted(path.parent.name for path in added) == ["red", "striped"]
        kept = {files.sha256(path) for path in folder.glob("?.png")}
        assert {files.sha256(path) for path in added} <= kept
        assert browse.post("/api/new/take-in", {}).json()["taken"] == {}
        assert browse.settled("/api/new", "looking")["total"] == 4
        # one image of a class is too few for a classifier: the source says so, nothing is lost
        next(path for path in added if path.parent.name == "striped").unlink()
        (source / "striped").rmdir()
        browse.post("/api/run", {"do": "update"})
        told = browse.settled("/api/run", "running")
        assert told["state"] == "done", told["lines"]
        assert told["stages"][0] == {"name": "acquire", "state": "done"}
        assert browse.get("/api/images?label=red").json()["total"] == 21


def sourced(project: Project, source: Path) -> None:
    (source / "red").mkdir(parents=True)
    (source / "red/one.png").write_bytes(encoded(texture(1, 0)))
    project.set("acquire.source", f"folder:{source}")


def test_a_folder_of_somebody_elses_labels_writes_nowhere_else(
    project: Project, folder: Path, tmp_path: Path
) -> None:
    sourced(project, tmp_path / "source")
    digest = files.sha256(folder / "0.png")
    rows = f"sha256,label,note,annotator,time\n{digest},../outside,,eve,2026-01-01T00:00:00+00:00\n"
    (folder / ".labels.csv").write_text(rows)
    with browsing(project, "--from", str(folder)) as browse:
        browse.settled("/api/new", "looking")
        refused = browse.post("/api/new/take-in", {})
    assert refused.status_code == 409
    assert "not a name that all systems allow" in refused.json()["error"]
    assert not (tmp_path / "outside").exists()


def test_what_has_vanished_is_passed_over_and_the_rest_is_remembered(
    project: Project, folder: Path, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    sourced(project, source)
    with browsing(project, "--from", str(folder)) as browse:
        images = browse.settled("/api/new", "looking")["images"]
        said = [{"sha256": one["sha256"], "label": "red"} for one in images[:3]]
        browse.post("/api/new", {"labels": said})
        path = folder / images[1]["name"]
        content = path.read_bytes()
        path.write_bytes(b"other")
        told = browse.post("/api/new/take-in", {}).json()
        assert told["taken"] == {"red": 2}
        assert told["passed_over"] == {str(path): "changed"}
        # what was copied is not copied again; what is there again is
        path.write_bytes(content)
        assert browse.post("/api/new/take-in", {}).json() == {
            "taken": {"red": 1}, "passed_over": {},
        }  # fmt: skip
        # a new file is seen, at any depth; until then what is known is shown
        (folder / "deep/er").mkdir(parents=True)
        (folder / "deep/er/new.png").write_bytes(encoded(texture(990, 0)))
        assert browse.get("/api/new").json()["total"] == 3
        last = time.monotonic() + 60
        while browse.get("/api/new").json()["total"] != 4:
            assert time.monotonic() < last
            time.sleep(0.2)
    assert len(list((source / "red").iterdir())) == 4


def test_other_sources_take_none_in(project: Project, folder: Path) -> None:
    project.set("acquire.source", "package:conformal-clip-data==0.1.4")
    with browsing(project, "--from", str(folder)) as browse:
        first = browse.settled("/api/new", "looking")["images"][0]["sha256"]
        browse.post("/api/new", {"labels": [{"sha256": first, "label": "red"}]})
        refused = browse.post("/api/new/take-in", {})
        assert refused.status_code == 409
        assert "no folder that images can be put into" in refused.json()["error"]
        assert browse.settled("/api/new", "looking")["labelled"] == 1


def test_without_a_folder_the_page_says_how(shared_browse: Browsing) -> None:
    assert "browse --from FOLDER" in shared_browse.get("/new").text
    assert shared_browse.get("/api/new").status_code == 404


def test_a_folder_without_new_images_is_told(project: Project, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with browsing(project, "--from", str(tmp_path / "empty")) as browse:
        told = browse.settled("/api/new", "looking")
        assert (told["state"], "no new image in" in told["why"]) == ("none", True)
