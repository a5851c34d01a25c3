"""A run from a page: what it does, whether it is better, and that there is one at a time."""

import time
from pathlib import Path

import pandas as pd
import pytest
from support.browsing import Browsing
from support.full import FULL
from support.project import STAGES, Project

from swatchbook.base import files
from swatchbook.project import stage


def test_a_fix_is_applied_and_judged(browse: Browsing, project: Project) -> None:
    assert browse.get("/api/run").json() == {"state": "none"}
    wrong = browse.get("/api/images?result=wrong&subset=train&limit=3").json()
    acts = [{"sha256": one, "do": "exclude"} for one in wrong["sha256"]]
    browse.post("/api/acts", {"snapshot": "", "acts": acts})
    before = pd.read_csv(project.folder / "data/predictions.csv")
    begun = browse.post("/api/run", {"do": "start"}).json()
    assert begun["state"] == "running"
    refused = browse.post("/api/run", {"do": "start"})
    assert (refused.status_code, "a run is at work" in refused.json()["error"]) == (409, True)
    told = browse.settled("/api/run", "running")
    assert told["state"] == "done", told["lines"]
    assert [one["name"] for one in told["stages"]] == STAGES
    states = {one["name"]: one["state"] for one in told["stages"]}
    assert states["acquire"] == "unchanged"
    assert {states[name] for name in ("dedupe", "split", "evaluate")} == {"done"}
    after = pd.read_csv(project.folder / "data/predictions.csv")
    assert len(after) == len(before) - len(acts)
    assert told["verdict"].startswith("the new run ")
    assert "the one before" in told["verdict"]
    assert {flip["kind"] for flip in told["flips"]} <= {"fixed", "broken"}
    assert len(told["flips"]) == told["flipped"]
    assert told["contradicted"] == 0
    # only what is new is told again
    assert browse.get(f"/api/run?since={told['count']}").json()["lines"] == []
    assert len(browse.get(f"/api/run?since={told['count'] - 2}").json()["lines"]) == 2


def test_a_run_that_fails_says_why(browse: Browsing, project: Project) -> None:
    project.set("evaluate.resamples", "many")
    answer = browse.post("/api/run", {"do": "start"})
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("evaluate.resamples: 'many' is not allowed")
    project.set("evaluate.resamples", "100")
    project.set("acquire.source", "folder:nowhere")
    browse.post("/api/run", {"do": "start"})
    told = browse.settled("/api/run", "running")
    assert told["state"] == "failed"
    assert any(line.startswith("error: ") and "nowhere" in line for line in told["lines"])
    assert "verdict" not in told
    nothing = browse.post("/api/run", {"do": "stop"})
    assert (nothing.status_code, "a run is not at work" in nothing.json()["error"]) == (409, True)


def test_it_is_stopped_as_by_ctrl_c_and_can_go_on(real_browse: Browsing, project: Project) -> None:
    project.set("train_classifier.C", "[0.3]")
    real_browse.post("/api/run", {"do": "start"})
    time.sleep(2)
    real_browse.post("/api/run", {"do": "stop"})
    assert real_browse.settled("/api/run", "running")["state"] == "failed"
    real_browse.post("/api/run", {"do": "start"})
    assert real_browse.settled("/api/run", "running")["state"] == "done"


def test_what_runs_in_a_terminal_is_not_disturbed(
    browse: Browsing, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWATCHBOOK_CACHE", project.environment["SWATCHBOOK_CACHE"])
    with files.locked(stage.lock_of(project.folder), "a stage in a terminal"):
        answer = browse.post("/api/run", {"do": "start"})
    assert answer.status_code == 409
    assert "a stage is at work in this folder" in answer.json()["error"]


@pytest.mark.skipif(not FULL, reason="`make test-full` runs it")
def test_the_end_of_the_server_ends_the_run(real_browse: Browsing, project: Project) -> None:
    project.set("train_classifier.C", "[0.4]")
    real_browse.post("/api/run", {"do": "start"})
    time.sleep(1)
    assert real_browse.end() == ""
    project.run("python", "-m", "swatchbook", "doctor", "--fix", ok=False)
    project.repro()
    assert Path(project.folder / "models/model.onnx").is_file()
