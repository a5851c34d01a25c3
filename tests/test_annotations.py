"""Label fixes and test lists."""

import re
from pathlib import Path

import pandas as pd
import pytest

from swatchbook import annotations
from swatchbook.errors import DataError

A, B, C, GONE = ("a" * 64, "b" * 64, "c" * 64, "0" * 64)
MANIFEST = pd.DataFrame({"sha256": [A, B, C], "label": ["dotted", "striped", "dotted"]})


def applied(text: str) -> list[str]:
    annotations.FOLDER.mkdir(exist_ok=True)
    for letter in "abc0":
        text = re.sub(rf"^{letter},", f"{letter * 64},", text, flags=re.M)
    Path("annotations/set.csv").write_bytes(b"sha256,label,note,annotator,time\n" + text.encode())
    acts = annotations.read("set")
    return list(annotations.apply(MANIFEST, acts, "set")["annotated"])


def test_without_a_file_nothing_is_annotated() -> None:
    acts = annotations.read("nothing")
    assert set(annotations.apply(MANIFEST, acts, "nothing")["annotated"]) == {""}


def test_the_last_act_on_an_image_wins() -> None:
    acts = (
        "a,striped,,me,1\nb,exclude,,me,2\na,dotted,oops,me,3\nb,,back,me,4\n0,dotted,gone,me,5\n"
    )
    assert applied(acts) == ["dotted", "", ""]


def test_an_unknown_class_is_an_error_that_names_the_line() -> None:
    with pytest.raises(
        DataError, match=r"line 3: class 'dottd' is not known\. Did you mean 'dotted'"
    ):
        applied("a,dotted,,,\nb,dottd,,,\n")


def test_a_class_called_exclude_is_an_error() -> None:
    frame = pd.DataFrame({"sha256": [A], "label": ["exclude"]})
    with pytest.raises(DataError, match="can't be called 'exclude'"):
        annotations.apply(frame, annotations.read("set"), "set")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("aaaa,dotted,,,\n", "line 2: 'aaaa' is no digest"),
        ("a,dotted,no, really,me,1\n", "not a table: Length of header"),
        ("a,dotted,,,\n'x\n", "line 3: .* is no digest"),
    ],
)
def test_a_damaged_row_is_an_error(text: str, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        applied(text)


def test_lines_of_another_system_are_read() -> None:
    annotations.FOLDER.mkdir()
    rows = f"\ufeffsha256,label\r\n{A},striped\r\n"
    Path("annotations/set.csv").write_bytes(rows.encode())
    found = annotations.apply(MANIFEST, annotations.read("set"), "set")
    assert list(found["annotated"]) == ["striped", "", ""]


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
    annotations.FOLDER.mkdir()
    Path("annotations/set.test.tsv").write_text("x\tp.jpg\n")
    with pytest.raises(DataError, match=r"'p\.jpg' names 2 images, x/1/p\.jpg"):
        annotations.test_list("set", TWINS)
    Path("annotations/set.test.tsv").write_text("x\t2/p.jpg\n")
    assert annotations.test_list("set", TWINS) == {"b"}


def listed(data: bytes) -> set[str]:
    annotations.FOLDER.mkdir(exist_ok=True)
    Path("annotations/set.test.tsv").write_bytes(data)
    return annotations.test_list("set", CURATED)


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
        ("dotted\tone.jpg".encode("utf-16"), "not UTF-8"),
    ],
)
def test_a_wrong_list_is_an_error(data: bytes, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        listed(data)


def test_a_missing_list_says_where_it_belongs() -> None:
    with pytest.raises(DataError, match=r"needs annotations/set\.test\.tsv"):
        annotations.test_list("set", CURATED)
