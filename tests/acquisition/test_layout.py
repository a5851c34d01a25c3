"""Wrapping folders, parts of a split, classes: as laws."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swatchbook.acquisition import layout
from swatchbook.base.errors import DataError


def paths(*names: str) -> list[PurePosixPath]:
    return [PurePosixPath(name) for name in names]


@given(st.integers(0, 4))
def test_any_number_of_outer_folders_is_looked_through(depth: int) -> None:
    outer = [f"outer{n}" for n in range(depth)]
    names = [PurePosixPath(*outer, label, "x.png") for label in ("a", "b")]
    found = layout.of(names)
    assert found.depth == depth
    assert {found.label(name) for name in names} == {"a", "b"}


def test_a_single_class_is_not_looked_through() -> None:
    assert layout.of(paths("a/x.png", "a/y.png")).depth == 0
    assert layout.of([]).depth == 0


def test_a_stray_file_beside_the_wrapper_changes_nothing() -> None:  # D2b
    names = paths(*(f"images/{label}/{n}.png" for label in "ab" for n in range(24)), "preview.jpg")
    found = layout.of(names)
    assert found.depth == 1
    assert found.label(PurePosixPath("preview.jpg")) == ""


def test_a_class_with_a_sub_folder_stays_a_class() -> None:
    names = paths(*(f"cat/sub/{n}.png" for n in range(30)), "cat/1.png")
    assert layout.of(names).depth == 0
    assert layout.of(paths("cat/a/1.png", "cat/b/1.png", "cat/1.png")).depth == 0


SPLIT = [
    f"{part}/{label}/{n}.png"
    for part in ("Train", "valid", "test")
    for label in ("cat", "dog")
    for n in range(2)
]


def test_a_set_that_is_split_already_is_not_taken_for_three_classes() -> None:  # D2
    for outer in ("", "set/"):
        with pytest.raises(
            DataError, match=r"folders Train, test, valid all hold cat, dog: .*layout: split"
        ):
            layout.of(paths(*(outer + name for name in SPLIT)))


def test_its_parts_are_known() -> None:  # D2
    names = paths(*(f"set/{name}" for name in SPLIT))
    found = layout.of(names, "split")
    assert {(found.part(name), found.label(name)) for name in names} == {
        (part, label) for part in ("train", "val", "test") for label in ("cat", "dog")
    }
    assert {layout.of(names, "classes").label(name) for name in names} == {"Train", "valid", "test"}


def test_a_text_outside_the_parts_is_in_none() -> None:
    text = PurePosixPath("notes/cat/read me.txt")
    assert layout.of([*paths(*SPLIT), text], "split").part(text) == ""


def test_what_is_no_split_is_refused_as_one() -> None:
    with pytest.raises(DataError, match="folder 'other' is no part of a split"):
        layout.of(paths(*SPLIT, "other/cat/1.png"), "split")


def test_classes_called_test_and_train_that_share_nothing_are_classes() -> None:
    assert layout.of(paths("test/1.png", "train/1.png")).depth == 0
    assert layout.of(paths("test/a/1.png", "train/b/1.png")).depth == 0


def test_class_folders_without_a_file_are_found() -> None:  # D3
    found = layout.of(paths("set/a/1.png", "set/b/1.png"))
    folders = paths("set", "set/a", "set/b", "set/b/c", "set/empty", "set/empty/deep")
    folders += paths("set/.hidden", "set/cafe\u0301")
    empty = found.without_files(folders, paths("set/a/1.png", "set/b/1.png"))
    assert [(one.name, one.label, one.reason) for one in empty] == [
        ("set/cafe\u0301/", "caf\xe9", "no_files"), ("set/empty/", "empty", "no_files"),
    ]  # fmt: skip
