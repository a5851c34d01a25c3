"""`swatchbook browse` by its routes: what is asked for, what is said, what is refused."""

import io
import threading
from pathlib import Path

import pandas as pd
import pytest
import requests
from PIL import Image
from support.browsing import Browsing, browsing
from support.full import FULL
from support.project import Project

from swatchbook.curation import acts_file


def table(project: Project, name: str) -> pd.DataFrame:
    return pd.read_csv(project.folder / "data" / f"{name}.csv", keep_default_na=False)


def test_pages_and_lists_say_what_the_tables_say(browse: Browsing, project: Project) -> None:
    manifest = table(project, "manifest")
    images = manifest[manifest["status"] == "ok"]["sha256"].nunique()
    state = browse.get("/api/state").json()
    assert state["images"] == images
    assert state["classes"] == ["blue", "green", "red"]
    assert f"{images} images in 3 classes" in browse.get("/").text
    listed = browse.get("/api/images?label=red&limit=500").json()
    assert listed["total"] == len(listed["sha256"]) == 20
    facets = browse.get("/api/facets?label=red").json()
    assert facets["address"] == "label=red"
    assert facets["facets"]["label"]["red"] == 20
    predictions = table(project, "predictions").set_index("sha256")
    wrong = (predictions["predicted"] != predictions["label"]).sum()
    assert browse.get("/api/images?result=wrong").json()["total"] == wrong
    one = browse.get(f"/api/images/{listed['sha256'][0]}").json()
    row = predictions.loc[one["sha256"]]
    assert (one["label"], one["predicted"]) == ("red", row["predicted"])
    assert one["top"][0]["probability"] == pytest.approx(row["confidence"], abs=1e-5)
    page = browse.get(f"/images/{one['sha256']}")
    assert one["sha256"] in page.text
    near = browse.get(f"/api/images/{one['sha256']}/similar?count=5&label=blue").json()["similar"]
    assert len(near) == 5
    assert {state["classes"].index(each["label"]) for each in near} == {0}


def test_pictures_are_made_anew_and_hold_nothing_of_the_file(
    browse: Browsing, project: Project
) -> None:
    (sha256,) = browse.get("/api/images?limit=1").json()["sha256"]
    for path, side in (("thumb", 128), ("picture", 1600)):
        answer = browse.get(f"/{path}/{sha256}")
        assert answer.headers["content-type"] == "image/jpeg"
        shown = Image.open(io.BytesIO(answer.content))
        assert shown.format == "JPEG"
        assert max(shown.size) <= side
        assert not shown.getexif()
        known = {**browse.head, "If-None-Match": answer.headers["etag"]}
        again = browse.get(f"/{path}/{sha256}", headers=known)
        assert (again.status_code, again.content) == (304, b"")
    assert browse.get(f"/thumb/{sha256}?side=100").status_code == 422
    # what has changed on the disk is not shown
    path = next((project.folder / "data/images").glob(f"*/{sha256}*"))
    path.chmod(0o644)
    path.write_bytes(b"other")
    assert browse.get(f"/picture/{sha256}").json() == {"error": "changed"}
    path.unlink()
    assert browse.get(f"/picture/{sha256}").json() == {"error": "vanished"}
    assert browse.get(f"/thumb/{sha256}").status_code == 200  # kept


@pytest.mark.parametrize(
    "path",
    ["/thumb/../../params.yaml", "/thumb/..%2f..%2fparams.yaml", "/thumb/0",
     "/picture/zzzzzzzzzzzz", f"/picture/{'0' * 64}", "/static/../app.py",
     "/static/%2e%2e%2fapp.py", "/images/data"],
)  # fmt: skip
def test_no_path_of_a_request_is_used(shared_browse: Browsing, path: str) -> None:
    answer = shared_browse.get(path)
    assert answer.status_code == 404
    assert "error" in answer.json()


def test_a_day_of_fixing_ends_in_a_run_that_applies_it(browse: Browsing, project: Project) -> None:
    listed = browse.get("/api/images?label=red&subset=train&limit=4").json()
    first, second, third, fourth = listed["sha256"]

    def act(sha256: str, do: str, label: str = "") -> dict[str, str]:
        return {"sha256": sha256, "do": do, "label": label, "seen": ""}

    content = {"snapshot": listed["snapshot"], "note": "label"}
    done = browse.post("/api/acts", {**content, "acts": [act(first, "relabel", "blue")]})
    assert done.json()["images"] == 1
    assert done.json()["undo"] == "1 image → blue"
    acts = [act(second, "exclude"), act(third, "confirm")]
    assert browse.post("/api/acts", {**content, "acts": acts}).status_code == 200
    assert (
        browse.post("/api/acts", {**content, "acts": [act(fourth, "exclude")]}).status_code == 200
    )
    assert browse.post("/api/acts/undo", {}).json()["redo"] == "1 image left out"
    assert browse.get("/api/images?act=any").json()["total"] == 3
    assert browse.get("/api/images?act=pending").json()["total"] == 2
    assert "2 images change" in browse.get("/changes").text
    assert "+" in browse.get("/changes").text
    ran = project.repro()
    assert {"dedupe", "split", "evaluate"} <= ran
    assert "acquire" not in ran
    curated = table(project, "curated").set_index("sha256")
    assert browse.get("/api/state").json()["classes"] == ["blue", "green", "red"]
    rows = {one: curated[curated.index.str.startswith(one)].iloc[0] for one in listed["sha256"]}
    assert rows[first]["label"] == "blue"
    assert rows[second]["reason"].startswith("excluded")
    assert rows[fourth]["label"] == "red"
    # the page is told that there is something newer, and shows the old until it is loaded again
    assert browse.get("/api/state").json()["snapshot"] != listed["snapshot"]
    old = browse.get(f"/api/images?label=red&snapshot={listed['snapshot']}").json()
    assert old["total"] == 20
    assert browse.get("/api/images?label=red").json()["total"] == 19
    assert browse.get("/api/images?act=pending").json()["total"] == 0


def test_all_that_match_are_one_act_if_they_are_as_many_as_was_said(browse: Browsing) -> None:
    listed = browse.get("/api/images?label=green&limit=2").json()
    where = {"where": "label=green", "but": [listed["sha256"][0]], "do": "exclude"}
    wrong = browse.post("/api/acts", {"snapshot": "", "all": {**where, "expect": 3}})
    assert wrong.status_code == 409
    count = listed["total"] - 1
    assert f"{count} images match now, not 3" in wrong.json()["error"]
    done = browse.post("/api/acts", {"snapshot": "", "all": {**where, "expect": count}})
    assert done.json()["images"] == count
    assert browse.get("/api/images?act=exclude").json()["total"] == count
    browse.post("/api/acts/undo", {})
    assert browse.get("/api/images?act=any").json()["total"] == 0


def test_two_people_at_once_lose_nothing(browse: Browsing, project: Project) -> None:
    with browsing(project, annotator="bob") as other:
        listed = browse.get("/api/images?limit=1").json()
        (sha256,) = listed["sha256"]

        def say(one: Browsing, label: str, seen: str) -> tuple[int, dict]:
            act = {"sha256": sha256, "do": "relabel", "label": label, "seen": seen}
            answer = one.post("/api/acts", {"snapshot": "", "acts": [act]})
            return answer.status_code, answer.json()

        assert say(other, "blue", "")[0] == 200
        status, refused = say(browse, "green", "")
        assert status == 409
        assert "bob has said something of" in refused["error"]
        (conflict,) = refused["conflicts"]
        assert (conflict["label"], conflict["annotator"]) == ("blue", "bob")
        assert say(browse, "green", conflict["time"])[0] == 200
        status = other.post("/api/acts/undo", {}).status_code
        assert status == 409
    assert pd.read_csv(project.folder / "annotations/tiny.csv")["label"].tolist() == [
        "blue",
        "green",
    ]


EVERY = {"expect": 1, "do": "exclude"}


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        ({"snapshot": ""}, 422, "acts: none given"),
        ({"acts": []}, 422, "snapshot"),
        ({"snapshot": "0" * 12, "acts": []}, 409, "newer than this page"),
        ({"snapshot": "", "acts": [{"sha256": "../x", "do": "exclude"}]}, 422, "acts.0.sha256"),
        ({"snapshot": "", "acts": [{"sha256": "0" * 64, "do": "exclude"}]}, 404, "no image"),
        ({"snapshot": "", "acts": [{"sha256": "0" * 64, "do": "delete"}]}, 422, "acts.0.do"),
        ({"snapshot": "", "all": {**EVERY, "where": "label=x"}}, 422, "label: 'x'"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_told_and_writes_nothing(
    shared_browse: Browsing, content: dict, status: int, said: str
) -> None:
    answer = shared_browse.post("/api/acts", content)
    assert answer.status_code == status
    assert said in answer.json()["error"]
    assert shared_browse.get("/api/state").json()["acts"] == 0


def test_a_class_that_is_not_known_is_refused(shared_browse: Browsing) -> None:
    (sha256,) = shared_browse.get("/api/images?limit=1").json()["sha256"]
    act = {"sha256": sha256, "do": "relabel", "label": "rde"}
    answer = shared_browse.post("/api/acts", {"snapshot": "", "acts": [act]})
    assert (answer.status_code, answer.json()["error"][:26]) == (409, "class 'rde' is not known; ")


def test_before_the_first_run_it_says_what_to_do(project: Project) -> None:
    with browsing(project) as fresh:
        manifest = project.folder / "data/manifest.csv"
        content = manifest.read_bytes()
        manifest.unlink()
        assert "`make repro` makes it" in fresh.get("/").text
        assert fresh.get("/api/state").json()["images"] == 0
        assert fresh.get("/api/images").status_code == 409
        manifest.write_bytes(content)
        assert fresh.get("/api/state").json()["images"] > 0
        # while a run has taken a table away, what was there is shown
        manifest.unlink()
        assert fresh.get("/api/images").json()["total"] > 0


def test_kill_9_loses_at_most_the_act_that_was_not_answered(project: Project) -> None:
    answered, kills = 0, (0.01, 0.03, 0.06, 0.1) if FULL else (0.03,)
    for seconds in kills:
        with browsing(project, quick=False) as browse:
            images = browse.get("/api/images?act=none&limit=500").json()["sha256"]
            killer = threading.Timer(seconds, browse.process.kill)
            killer.start()
            try:
                for sha256 in images:
                    act = {"sha256": sha256, "do": "exclude"}
                    answer = browse.post("/api/acts", {"snapshot": "", "acts": [act]})
                    answered += answer.status_code == 200
            except requests.ConnectionError:
                pass
            killer.join()
    found = acts_file.read(project.folder / "annotations/tiny.csv")
    assert set(found["label"]) == {"exclude"}
    assert found["sha256"].is_unique
    assert answered <= len(found) <= answered + len(kills)


def test_ctrl_c_ends_it_quietly(project: Project) -> None:
    with browsing(project, quick=False) as browse:
        assert browse.get("/").status_code == 200
        assert browse.end() == ""
        assert browse.process.returncode == 0


def test_outside_of_a_project_it_is_one_line(project: Project, tmp_path: Path) -> None:
    other = Project(tmp_path / "empty", tmp_path / "cache")
    other.folder.mkdir()
    command = ("-m", "swatchbook", "browse", "--no-open")
    project.environment["PYTHONPATH"] = str(project.folder)
    other.environment["PYTHONPATH"] = str(project.folder)
    done = other.run("python", *command, ok=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
