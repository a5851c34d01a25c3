"""Runs as pages: what the commands say, and every image that flipped."""

import json
from collections.abc import Iterator

import pandas as pd
import pytest
from support.browsing import Browsing, browsing
from support.project import Project

from swatchbook.browser.results import history


@pytest.fixture(scope="module")
def compared(runs: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browsing]:
    with browsing(runs.copied(tmp_path_factory.mktemp("compared"))) as one:
        yield one


def test_the_table_has_the_runs_and_their_picture(compared: Browsing, runs: Project) -> None:
    page = compared.get("/runs").text
    for text in ("workspace", "main", "trees", "train_classifier.kind = random_forest"):
        assert text in page
    assert 'src="/runs.png?metric=accuracy"' in page
    picture = compared.get("/runs.png?metric=accuracy")
    assert picture.content.startswith(b"\x89PNG")
    only = compared.get("/runs?only=experiment").text
    assert ">trees" in only
    assert 'value="main"' not in only
    assert compared.get("/runs?only=nothing").status_code == 422
    assert "neither a metric nor a parameter" in compared.get("/runs?sort=colour").text


def test_two_runs_are_compared_as_by_the_command(compared: Browsing, runs: Project) -> None:
    done = runs.run("python", "-m", "swatchbook", "compare", "main", "trees", "--json")
    (said,) = json.loads(done.stdout)["comparisons"]
    page = compared.get("/compare?a=main&b=trees&show=all").text
    # the page escapes what is not plain
    assert said["sentence"].replace("'", "&#39;") in page
    for kind in ("fixed", "broken"):
        flips = [flip["sha256"] for flip in said["flips"] if flip["kind"] == kind]
        assert f"{kind} ({len(flips)})" in page
        shown = compared.get(f"/compare?a=main&b=trees&show={kind}").text
        assert all(sha256 in shown for sha256 in flips)
        assert shown.count("/thumb/") == len(flips)
    assert page.count("/thumb/") == said["images"]
    swapped = compared.get("/compare?a=trees&b=main&show=broken").text
    assert swapped.count("/thumb/") == said["fixed"]


@pytest.mark.parametrize(
    ("query", "says"),
    [("a=nowhere", "is no commit, branch, tag or experiment"), ("a=main&b=main", "from itself")],
)
def test_what_cannot_be_compared_is_said_in_the_page(
    compared: Browsing, query: str, says: str
) -> None:
    answer = compared.get(f"/compare?{query}")
    assert answer.status_code == 200
    assert says in answer.text


def test_kinds_of_images_are_what_their_names_say() -> None:
    rows = pd.DataFrame(
        [("a", "a", "a"), ("a", "b", "a"), ("a", "a", "c"), ("a", "b", "b"), ("a", "b", "c")],
        columns=["label", "predicted_a", "predicted_b"],
    )
    found = {name: mask.nonzero()[0].tolist() for name, mask in history._kinds(rows).items()}
    assert found == {
        "fixed": [1], "broken": [2], "otherwise wrong": [4], "both wrong": [3, 4],
        "all": [0, 1, 2, 3, 4],
    }  # fmt: skip
