"""Lists of images as people and programs write them."""

from pathlib import Path

import pytest

from swatchbook.prediction import image_lists


@pytest.mark.parametrize(
    "text",
    [
        "a.png\nb c.png\n", "\ufeff# images\n\n  a.png\n b c.png \n",
        "path\na.png\nb c.png\n", "label,path\ncat,a.png\ndog,b c.png\n",
        ',path,label\n0,"a.png",cat\n1,"b c.png",dog\n',
        "URL;Label\na.png;x\nb c.png;y\n",
    ],
)  # fmt: skip
def test_lines_and_tables_are_read_alike(text: str) -> None:  # U3
    assert list(image_lists.entries(text.split("\n"), "list")) == ["a.png", "b c.png"]


def test_the_output_of_predict_is_a_list() -> None:  # U3
    text = ["path,sha256,status,reason", "'=1.png,ab,ok,", '"a, b.png",cd,refused,blank']
    assert list(image_lists.entries(text, "list")) == ["=1.png", "a, b.png"]


def test_a_file_of_such_a_name_is_no_header() -> None:
    Path("path").write_bytes(b"x")
    assert list(image_lists.entries(["path", "a.png"], "list")) == ["path", "a.png"]


def test_odd_names_are_names() -> None:
    assert list(image_lists.entries(['a"b.png', "c,d.png"], "list")) == ['a"b.png', "c,d.png"]
    assert list(image_lists.entries([], "list")) == []
