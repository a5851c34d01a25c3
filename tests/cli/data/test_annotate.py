"""``swatchbook annotate`` as a person uses it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.pictures import make_folder
from support.project import ROOT

from swatchbook.curation import annotations
from swatchbook.project import tables

PARAMS = "acquire:\n  data_set: shirts\n  source: folder:shirts\n"


@pytest.fixture(scope="module")
def acquired(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a manifest."""
    folder = tmp_path_factory.mktemp("acquired")
    make_folder(folder / "shirts", {"dotted": 2, "striped": 2})
    (folder / "params.yaml").write_text(PARAMS)
    subprocess.run(
        [sys.executable, "-m", "stages.acquire"], env=environment(), check=True, cwd=folder,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    return folder


@pytest.fixture
def project(acquired: Path) -> list[str]:
    """A copy of it, with this process in its folder; the names of its images."""
    shutil.copytree(acquired, Path.cwd(), dirs_exist_ok=True)
    return sorted(path.relative_to("shirts").as_posix() for path in Path("shirts").rglob("*.png"))


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "LOGNAME": "ann"}


def swatchbook(*arguments: str, typed: str = "") -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "swatchbook", *arguments], env=environment(), capture_output=True,
        text=True, check=False, input=typed,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_labels_are_fixed_confirmed_and_taken_back(project: list[str]) -> None:
    first, second, third, _ = project
    code, said, _ = swatchbook(
        "annotate", "relabel", first, second, "--label", "striped", "--note", "look closer"
    )
    assert (code, said) == (
        0,
        "annotate: 2 images relabelled to 'striped' → annotations/shirts.csv; `dvc repro` applies "
        "it\n",
    )
    assert swatchbook("annotate", "exclude", third)[1].startswith("annotate: 1 image excluded")
    assert swatchbook("annotate", "confirm", second)[1].startswith("annotate: 1 image confirmed")
    assert swatchbook("annotate", "undo", first)[1].startswith("annotate: acts on 1 image taken")
    code, listed, _ = swatchbook("annotate", "show")
    assert [line.split("  ")[1:3] for line in listed.splitlines()] == [
        ["striped", first], ["striped", second], ["exclude", third], ["striped", second],
        ["(taken back)", first],
    ]  # fmt: skip
    assert "ann  look closer" in listed.splitlines()[0]
    assert len(swatchbook("annotate", "show", second)[1].splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["relabel", "dotted/dotted_000.png", "--label", "strippd"], "Did you mean 'striped'"),
        (["relabel", "dotted/dotted_000.png"], "Missing option '--label'"),
        (["exclude", "dotted/nothing.png"], "no image 'dotted/nothing.png'"),
        (["exclude"], "Missing argument 'IMAGE...'"),
        (["exclud"], "No such command 'exclud'"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(
    project: list[str], arguments: list[str], problem: str
) -> None:
    code, said, problems = swatchbook("annotate", *arguments)
    assert (code, said) == (2, "")
    assert problem in problems
    assert problems.startswith("error: ")
    assert problems.count("\n") == 1
    assert not Path("annotations/shirts.csv").exists()


def test_one_unknown_image_keeps_the_others_from_being_written(project: list[str]) -> None:
    assert swatchbook("annotate", "exclude", project[0], "nothing")[0] == 2
    assert not Path("annotations/shirts.csv").exists()


def test_without_a_manifest_it_says_what_to_do() -> None:
    Path("params.yaml").write_text(PARAMS)
    code, _, problems = swatchbook("annotate", "exclude", "abcd")
    assert code == 2
    assert "dvc repro" in problems


def test_suspects_are_walked_through_and_each_decision_is_kept(project: list[str]) -> None:
    manifest = tables.MANIFEST.read().sort_values("source")
    rows = manifest[["sha256", "path", "label"]].assign(
        subset=["train", "test", "train", "train"], kind=["label", "label", "outlier", "dark"],
        suggested=["striped", "striped", "", ""], score=1.0, why="odd",
    )  # fmt: skip
    tables.SUSPECTS.write(rows)
    code, said, problems = swatchbook(
        "annotate", "suspects", typed="s\nx\nc\nr\nstrippd\nr\ndotted\nq\n"
    )
    assert code == 0, problems
    assert "2/4" in said
    assert "(test image)" in said.split("2/4")[1].split("3/4")[0]
    assert "Did you mean 'striped'" in problems
    assert "annotate: 3 of 4 suspects decided" in said
    assert "\x1b" not in said  # no picture where there is no terminal
    acts = annotations.read("shirts")
    assert list(acts["label"]) == ["striped", "dotted", "dotted"]
    assert list(acts["note"]) == ["label", "label", "outlier"]
    # what was decided is not asked again
    code, said, _ = swatchbook("annotate", "suspects", typed="n\n")
    assert "1/1" in said
    assert "0 of 1 suspects decided" in said
    assert swatchbook("annotate", "suspects", typed="")[0] == 130  # the end of the input


def test_an_image_listed_twice_is_asked_once(project: list[str]) -> None:
    first = tables.MANIFEST.read().iloc[[0, 0]]
    rows = first[["sha256", "path", "label"]].assign(
        subset="train", kind=["label", "blurred"], suggested=["striped", ""], score=1.0, why="x"
    )
    tables.SUSPECTS.write(rows)
    assert "1 of 1 suspects decided" in swatchbook("annotate", "suspects", typed="s\nc\n")[1]
    assert list(annotations.read("shirts")["label"]) == ["striped"]


def test_nothing_in_a_file_is_a_command_to_the_terminal(project: list[str]) -> None:
    swatchbook("annotate", "exclude", project[0], "--note", "\x1b]0;owned\x07\x9b2J")
    said = swatchbook("annotate", "show")[1]
    assert "\x1b" not in said
    assert "\\x1b]0;owned" in said


def test_without_a_command_it_shows_its_help() -> None:
    code, _, said = swatchbook("annotate")
    assert code == 2
    assert "relabel" in said
    assert len(said.splitlines()) > 5
