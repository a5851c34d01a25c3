"""Files of one's own with their classes in a table."""

from pathlib import Path

import pytest
from support.pictures import encoded, texture

from swatchbook.acquisition import sources
from swatchbook.acquisition.kinds.label_table import Columns
from swatchbook.base.errors import DataError


def found(text: str, columns: Columns = Columns()) -> dict[str, tuple[str, str, str]]:  # noqa: B008, RUF100
    """Label, reason and part by name."""
    Path("labels.csv").write_text(text)
    listed = sources.candidates("table:labels.csv", sources.How(columns=columns))
    return {one.name: (one.label, one.reason, one.part) for one in listed}


@pytest.fixture(autouse=True)
def images() -> None:
    for number, name in enumerate(("train/001.png", "train/002.png", "test/009.jpg", "notes.txt")):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(encoded(texture(number)))


@pytest.mark.parametrize(
    "text",
    [
        "id,label\n001,cat\n002,dog\n", "image_id;breed\n001.png;cat\n002.png;dog\n",
        "path\tclass\ntrain/001.png\tcat\n./train/002.png\tdog\n",
        "label,filename\ncat,train/001\ndog,train\\002.png\n",
    ],
)  # fmt: skip
def test_files_are_named_by_as_much_of_their_path_as_people_write(text: str) -> None:  # D14
    assert found(text) == {
        "train/001.png": ("cat", "", ""), "train/002.png": ("dog", "", ""),
        "test/009.jpg": ("", "not_listed", ""),
    }  # fmt: skip


def test_content_is_that_of_the_file() -> None:
    Path("labels.csv").write_text("id,label\n001,cat\n")
    first, *_ = sources.candidates("table:labels.csv")
    assert first.content() == Path("train/001.png").read_bytes()
    assert first.stamp


def test_a_column_says_which_part_an_image_is_in() -> None:
    rows = found("id,label,split\n001,cat,train\n002,dog,Valid\n009,dog,TEST\n")
    assert [part for _, _, part in rows.values()] == ["train", "val", "test"]


def test_columns_can_be_named() -> None:
    text = "a,b,c\n001,cat,test\n"
    with pytest.raises(DataError, match=r"'a', 'b', 'c' holds the file\? .*acquire.file_column"):
        found(text)
    assert found(text, Columns("a", "b", "c"))["train/001.png"] == ("cat", "", "test")
    with pytest.raises(DataError, match=r"acquire.label_column: .* has no column 'd'"):
        found(text, Columns("a", "d"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("id,label\n001\n", "line 2: '001' is not id,label"), ("id,label\n", "names no image"),
        ("", "names no image"), ("id,label\n001,a/b\n", "line 2: class 'a/b': not a name"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_an_error_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        found(text)


def test_a_name_that_means_two_files_is_an_error_and_one_that_means_none_is_told() -> None:
    Path("test/001.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r"line 2: '001' means 2 files, test/001\.png and"):
        found("id,label\n001,cat\n")
    rows = found("id,label\ntest/001,cat\nnowhere,dog\n")
    assert rows["test/001.png"] == ("cat", "", "")
    assert rows["nowhere"] == ("dog", "vanished", "")
