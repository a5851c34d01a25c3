"""Lists and tables as people and spreadsheets write them."""

from pathlib import Path

import pytest

from swatchbook.base import lists
from swatchbook.base.errors import DataError


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("mark", ["\t", ";", ","])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_what_spreadsheets_write_is_read(coding: str, mark: str, end: str) -> None:
    rows = ["# made by hand", f"id{mark}label", "", f" 1 {mark} caf\xe9 "]
    Path("list").write_bytes(end.join(rows).encode(coding))
    found = list(lists.rows_of(lists.lines_of(Path("list")), "list"))
    assert found == [(2, ["id", "label"]), (4, ["1", "caf\xe9"])]


def test_a_mark_inside_a_field_is_none_between_fields() -> None:
    assert list(lists.rows_of(["cat,http://h/a;b.jpg"], "x")) == [(1, ["cat", "http://h/a;b.jpg"])]
    assert list(lists.rows_of(["a;b,c\td"], "x")) == [(1, ["a;b,c", "d"])]


def test_quotes_of_a_csv_are_no_part_of_a_field() -> None:
    assert [row for _, row in lists.rows_of(['"a, b","c ""d"""', "e,f"], "list")] == [
        ["a, b", 'c "d"'], ["e", "f"],
    ]  # fmt: skip
    assert [row for _, row in lists.rows_of(['"a"\tb'], "list")] == [['"a"', "b"]]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"a\nb\xff\n", "list, line 2: not UTF-8 text: .*; save it as UTF-8"),
        (b"a\0b\n", "list, line 1: a NUL character"), (b'"a,b\n', "list, line 1: "),
        (b"a" * 100_001, "list, line 1: more than 100000 characters"),
    ],
)  # fmt: skip
def test_what_is_no_list_is_an_error_with_its_line(data: bytes, problem: str) -> None:
    Path("list").write_bytes(data)
    with pytest.raises(DataError, match=problem):
        list(lists.rows_of(lists.lines_of(Path("list")), "list"))
    with pytest.raises(DataError, match="'nothing': No such file"):
        lists.lines_of(Path("nothing"))
