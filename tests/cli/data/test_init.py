"""``swatchbook init``: a person's own images."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.pictures import make_folder
from support.project import ROOT

from swatchbook.base.errors import SwatchbookError
from swatchbook.cli import swatchbook
from swatchbook.pipeline import params


def init(name: str, location: str) -> Result:
    return CliRunner().invoke(swatchbook, ["init", name, "--from", location])


def test_it_points_the_project_at_a_folder_and_leaves_the_rest_of_params_as_it_is() -> None:
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    before = Path("params.yaml").read_text().splitlines()
    make_folder(Path("my shirts"), {"dotted": 21, "striped": 22})
    done = init("shirts", "my shirts")
    assert done.exit_code == 0, done.exception
    assert done.stdout.splitlines() == [
        "init: 2 classes, 43 files: dotted 21, striped 22",
        "init: params.yaml, annotations/shirts.csv; next: make repro",
    ]
    acquire = params.load().acquire
    assert acquire.data_set == "shirts"
    assert acquire.source == f"folder:{Path('my shirts').absolute()}"
    after = Path("params.yaml").read_text().splitlines()
    assert len(after) == len(before)
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert len(changed) == 2
    assert all("#" in line for line in changed)
    assert Path("annotations/shirts.csv").read_text() == "sha256,label,note,annotator,time\n"


@pytest.mark.parametrize("text", [None, "", "acquire:\n", "split:\n  seed: 1\n", "acquire: {}\n"])
def test_params_may_lack_what_it_writes(text: str | None) -> None:
    if text is not None:
        Path("params.yaml").write_text(text)
    make_folder(Path("shirts"), {"dotted": 1, "striped": 1})
    assert init("it", "shirts").exit_code == 0
    assert params.load().acquire.data_set == "it"
    assert params.load().split.seed == (1 if text and "seed" in text else 0)


@pytest.mark.parametrize("name", ["2024", "true", "null", "1e3", "0x1F"])
def test_a_name_that_yaml_would_not_take_for_text_is_text(name: str) -> None:
    make_folder(Path("it's"), {"dotted": 1, "striped": 1})
    assert init(name, "it's").exit_code == 0
    assert params.load().acquire.data_set == name
    assert params.load().acquire.source.endswith("/it's")


@pytest.mark.parametrize("text", ["acquire:\n    robots: true\n", "acquire: {data_set: x}\n"])
def test_a_file_of_another_form_stays_as_it_is(text: str) -> None:
    Path("params.yaml").write_text(text)
    make_folder(Path("shirts"), {"dotted": 1, "striped": 1})
    done = init("it", "shirts")
    assert isinstance(done.exception, SwatchbookError)
    assert "write data_set: it and source: folder:" in str(done.exception)
    assert Path("params.yaml").read_text() == text


def test_annotations_that_are_there_stay() -> None:
    Path("annotations").mkdir()
    Path("annotations/it.csv").write_text("sha256,label\n")
    make_folder(Path("shirts"), {"dotted": 1, "striped": 1})
    init("it", "shirts")
    assert Path("annotations/it.csv").read_text() == "sha256,label\n"


def test_it_says_what_looks_wrong() -> None:
    root = make_folder(Path("shirts"), {"dotted": 21, "striped": 2})
    shutil.copytree(root / "striped", root / "dotted" / "Striped")
    (root / "Dotted").mkdir()
    shutil.copy(root / "striped" / "striped_000.png", root / "Dotted" / "x.png")
    (root / "loose.png").write_bytes(b"x")
    said = init("it", "shirts").stdout
    assert "class 'striped' has 2 files: with under 20" in said
    assert "'Dotted' and 'dotted' differ in case only" in said
    assert "folder 'Striped' inside class 'dotted': its 2 files count as 'dotted'" in said
    assert "1 file can't be used: no_class" in said
    assert "2 images stand in more than one class" in said


def test_lists_and_archives_are_known_by_their_names() -> None:
    Path("list.tsv").write_text("dotted\thttp://a/1\nstriped\thttp://a/1\n")
    said = init("web", "list.tsv").stdout
    assert "init: 2 classes, 2 files: dotted 1, striped 1" in said
    assert "1 image stands in more than one class" in said
    assert params.load().acquire.source.startswith("urls:/")
    root = make_folder(Path("shirts"), {"dotted": 1, "striped": 1})
    shutil.copy(root / "dotted" / "dotted_000.png", root / "striped")
    shutil.make_archive("shirts", "zip", "shirts")
    assert "1 image stands in more than one class" in init("zipped", "shirts.zip").stdout
    assert params.load().acquire.source.startswith("archive:/")


@pytest.mark.parametrize(
    ("name", "location", "problem"),
    [("it", "nowhere", "neither a folder nor a file"), ("../it", "shirts", "data_set")],
)
def test_a_mistake_writes_nothing(name: str, location: str, problem: str) -> None:
    make_folder(Path("shirts"), {"dotted": 1, "striped": 1})
    done = init(name, location)
    assert isinstance(done.exception, SwatchbookError)
    assert problem in str(done.exception)
    assert not Path("params.yaml").exists()
