"""The learning curve is measured from its page, and says of which images it is."""

import pytest
from support.browsing import Browsing
from support.project import Project


def test_it_is_measured_and_shown(browse: Browsing, project: Project) -> None:
    assert "Not measured yet" in browse.get("/learning").text
    assert browse.post("/api/jobs/learning", {"do": "start"}).json()["state"] == "running"
    told = browse.settled("/api/jobs/learning", "running")
    assert told["state"] == "done", told
    (line,) = [one for one in told["lines"] if one.startswith("learning-curve: ")]  # type: ignore[attr-defined]
    sentence = line.removeprefix("learning-curve: ").partition(" → ")[0]
    page = browse.get("/learning").text
    assert sentence[1:].replace("'", "&#39;") in page
    assert page.count("<polyline") == 5  # three classes, the average and the law
    assert "before the last run" not in page
    # of other images it is told, not hidden
    path = project.folder / "data/split.csv"
    path.chmod(0o644)
    path.write_text(path.read_text() + "\n")
    assert "before the last run" in browse.get("/learning").text


def test_a_refined_network_has_none(browse: Browsing, project: Project) -> None:
    project.set("refine_dnn.mode", "refine")
    page = browse.get("/learning").text
    assert "a learning curve needs refine_dnn.mode: fixed" in page
    assert "data-job" not in page


@pytest.mark.parametrize("name", ["repro", "..%2Frun"])
def test_only_known_jobs_run(shared_browse: Browsing, name: str) -> None:
    assert shared_browse.post(f"/api/jobs/{name}", {"do": "start"}).status_code == 404
