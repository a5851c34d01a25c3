"""Lists of URLs, as people and spreadsheets write them."""

import contextlib
import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swatchbook.acquisition.kinds import url_list
from swatchbook.acquisition.kinds.url_list import Row
from swatchbook.base.errors import DataError

URL = "http://example.org/a.jpg"


def read(content: str | bytes) -> list[Row]:
    path = Path("list.tsv")
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return url_list.read("list.tsv")


def test_the_tutorials_form_is_label_tab_url() -> None:
    assert read(f"dotted\t{URL}\nstriped\t{URL}2\n") == [
        Row("dotted", URL),
        Row("striped", URL + "2"),
    ]


def test_a_header_may_name_more_columns_in_any_order() -> None:
    rows = read(f'url,label,licence,author\n{URL},dotted,cc-by,"Ann, B."\n')
    assert rows == [Row("dotted", URL, licence="cc-by", author="Ann, B.")]


@pytest.mark.parametrize(
    "content",
    [
        f"\ufeffdotted\t{URL}\n",
        f"dotted\t{URL}",
        f"dotted\t{URL}\r\n\r\n",
        f"# a comment\n\n  \ndotted\t {URL} \n",
        f"dotted,{URL}\n",
        f"dotted\t{URL}\n".encode("utf-16"),
        f"dotted\t{URL}\r",
    ],
)
def test_marks_blank_lines_comments_and_ends_of_lines_do_not_matter(
    content: str | bytes,
) -> None:  # B20
    assert read(content) == [Row("dotted", URL)]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (f"dotted\t{URL}\nstriped\n", "line 2: 'striped' is not label and url"),
        (f"dotted\t{URL}\n\t{URL}\n", "line 2: .* is not label and url"),
        (f"dotted\t{URL}\tmore\n", "line 1: .* is not label and url"),
        (f"url,label,licens\n{URL},a,b\n", "line 1: column 'licens' is not known"),
        (f"dotted\t{URL}\0\n", "line 1: a NUL character"),
        ("dotted\t" + "x" * 100_001, "line 1: more than 100000 characters"),
        (b"dotted\thttp://a\nd\xff\thttp://b\n", "line 2: not UTF-8"),
        ("# nothing\n", "names no image"),
        (f"a/b\t{URL}\n", "line 1: class 'a/b'"),
        (f"..\t{URL}\n", r"line 1: class '\.\.'"),
        (f"CON\t{URL}\n", "line 1: class 'CON'"),
        (f'dotted,"{URL}\n', "line 1: "),
    ],
)
def test_a_bad_line_is_an_error_that_names_it(content: str | bytes, problem: str) -> None:  # B08
    with pytest.raises(DataError, match=problem) as found:
        read(content)
    assert "\n" not in str(found.value)


def test_a_list_that_is_not_there_is_an_error() -> None:
    with pytest.raises(
        DataError,
        match=r"'nowhere\.tsv' is not there in .*; name a folder or file by its whole path",
    ):
        url_list.read("nowhere.tsv")


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_rows_or_an_error_of_one_line(content: bytes) -> None:
    with contextlib.suppress(DataError):
        assert all(row.label and row.url for row in read(content))


TEXT = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)


@given(st.lists(st.tuples(st.sampled_from(["a", "=1+1", 'say "b"', "ü,ö"]), TEXT), min_size=1))
def test_what_a_csv_writer_writes_is_read(pairs: list[tuple[str, str]]) -> None:
    written = [(label, f"http://{rest}") for label, rest in pairs]
    buffer = io.StringIO()
    csv.writer(buffer).writerows([("label", "url"), *written])
    assert [(row.label, row.url) for row in read(buffer.getvalue())] == written
