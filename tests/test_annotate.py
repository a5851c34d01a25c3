"""``swatchbook annotate`` as a person uses it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, make_folder

PARAMS = "acquire:\n  data_set: shirts\n  source: folder:shirts\n"


@pytest.fixture
def project() -> list[str]:
    """A project with a manifest; the names of its images."""
    make_folder(Path("shirts"), {"dotted": 2, "striped": 2})
    Path("params.yaml").write_text(PARAMS)
    subprocess.run(
        [sys.executable, "-m", "stages.acquire"], env=environment(), check=True,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    return sorted(path.relative_to("shirts").as_posix() for path in Path("shirts").rglob("*.png"))


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "LOGNAME": "ann"}


def swatchbook(*arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "swatchbook", *arguments], env=environment(), capture_output=True,
        text=True, check=False,
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
