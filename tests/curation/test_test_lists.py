"""A given test part."""

from pathlib import Path

import pandas as pd
import pytest

from swatchbook.base.errors import DataError
from swatchbook.curation import test_lists
from swatchbook.curation.annotations import FOLDER

CURATED = pd.DataFrame(
    {
        "sha256": ["a", "b", "c"],
        "label": ["dotted", "dotted", "striped"],
        "source": ["dotted/One.jpg", "dotted/two.jpg", "striped/one.jpg"],
        "group": ["g", "g", "h"],
        "kept": [True, False, True],
    }
)
TWINS = pd.DataFrame(
    {
        "sha256": ["a", "b"], "label": ["x", "x"], "source": ["x/1/p.jpg", "x/2/p.jpg"],
        "group": ["g", "h"], "kept": [True, True],
    }
)  # fmt: skip


def test_two_files_of_one_name_need_more_of_their_path() -> None:
    FOLDER.mkdir()
    Path("annotations/set.test.tsv").write_text("x\tp.jpg\n")
    with pytest.raises(DataError, match=r"'p\.jpg' names 2 images, x/1/p\.jpg"):
        test_lists.read("set", TWINS)
    Path("annotations/set.test.tsv").write_text("x\t2/p.jpg\n")
    assert test_lists.read("set", TWINS) == {"b"}


def listed(data: bytes) -> set[str]:
    FOLDER.mkdir(exist_ok=True)
    Path("annotations/set.test.tsv").write_bytes(data)
    return test_lists.read("set", CURATED)


def test_a_list_is_read_with_mark_crlf_comments_and_any_case() -> None:  # B20
    assert listed(b"\xef\xbb\xbf# test images\r\n\r\nDotted\tone.JPG\r\nstriped\tone.jpg") == {
        "a",
        "c",
    }


def test_a_dropped_duplicate_stands_for_what_was_kept() -> None:
    assert listed(b"dotted\ttwo.jpg\n") == {"a"}


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"dotted one.jpg\n", "line 1: 'dotted one.jpg' is not label<TAB>file name"),
        (b"\ndotted\tnine.jpg\n", "line 2: no usable image 'nine.jpg' in class 'dotted'"),
        (b"# only a comment\n", "names no image"),
        (b"dotted\tone\xff.jpg\n", "not UTF-8"),
    ],
)
def test_a_wrong_list_is_an_error(data: bytes, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        listed(data)


def test_a_missing_list_says_where_it_belongs() -> None:
    with pytest.raises(DataError, match=r"needs annotations/set\.test\.tsv"):
        test_lists.read("set", CURATED)


def test_a_list_of_a_spreadsheet_is_read() -> None:  # D15
    assert listed("dotted\tone.jpg\r\n".encode("utf-16")) == {"a"}
    assert listed(b"dotted;one.jpg\n") == listed(b"dotted,one.jpg\n") == {"a"}


def test_a_class_that_was_renamed_does_not_hide_the_file() -> None:  # D5
    assert listed(b"doted\ttwo.jpg\n") == {"a"}


def test_names_in_two_forms_of_unicode_are_one() -> None:  # D6
    FOLDER.mkdir(exist_ok=True)
    Path("annotations/set.test.tsv").write_text("caf\xe9\tth\xe9.jpg\n")
    frame = CURATED.assign(label="caf\xe9", source=["cafe\u0301/the\u0301.jpg", "a", "b"])
    assert test_lists.read("set", frame) == {"a"}


@pytest.mark.parametrize(("label", "kept"), [("dotted", True), ("exclude", False)])
def test_an_act_on_a_listed_image_does_not_hide_it(label: str, kept: bool) -> None:  # D5
    curated = CURATED.copy()
    curated.loc[2, ["label", "kept"]] = [label, kept]  # type: ignore[call-overload]
    FOLDER.mkdir()
    rows = "dotted\ttwo.jpg\nstriped\tone.jpg\n"
    Path("annotations/set.test.tsv").write_text(rows)
    assert test_lists.read("set", curated) == ({"a", "c"} if kept else {"a"})
