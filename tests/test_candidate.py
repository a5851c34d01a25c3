"""Class names and wrapping folders, as laws."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swatchbook.errors import DataError
from swatchbook.sources.candidate import check_case, is_hidden, label_of, wrapper_depth


def test_classes_that_differ_in_case_only_are_an_error() -> None:  # B03
    check_case({"Dotted", "Striped"})
    with pytest.raises(DataError, match="'Dotted' and 'dotted'"):
        check_case({"Dotted", "dotted"})


@given(st.integers(0, 4))
def test_any_number_of_outer_folders_is_looked_through(depth: int) -> None:
    outer = [f"outer{n}" for n in range(depth)]
    names = [PurePosixPath(*outer, label, "x.png") for label in ("a", "b")]
    assert wrapper_depth(names) == depth
    assert {label_of(name, depth) for name in names} == {"a", "b"}


def test_a_single_class_is_not_looked_through() -> None:
    assert wrapper_depth([PurePosixPath("a/x.png"), PurePosixPath("a/y.png")]) == 0
    assert wrapper_depth([]) == 0


def test_what_systems_leave_behind_is_hidden() -> None:
    for name in (".DS_Store", "a/._x.jpg", "__MACOSX/a/x.jpg", ".git/x.png"):
        assert is_hidden(PurePosixPath(name))
    assert not is_hidden(PurePosixPath("a/Thumbs.db"))
