"""Class names, and what systems and tools leave beside images, as laws."""

from pathlib import PurePosixPath

import pytest

from swatchbook.acquisition.candidate import check_alike, check_label, is_hidden, sidecars
from swatchbook.base.errors import DataError


def test_classes_that_differ_in_case_only_are_an_error() -> None:  # B03
    check_alike({"Dotted", "Striped"})
    with pytest.raises(DataError, match="'Dotted' and 'dotted' differ in case only"):
        check_alike({"Dotted", "dotted"})


@pytest.mark.parametrize("other", ["red shirt ", " red shirt", "red\xa0shirt", "red  shirt"])
def test_classes_that_differ_in_spaces_only_are_an_error(other: str) -> None:  # D12
    with pytest.raises(DataError, match="differ in spaces only"):
        check_alike({"red shirt", other})


def test_a_class_name_has_one_form() -> None:  # D6
    assert check_label("cafe\u0301", "class") == "caf\xe9"


def test_what_systems_leave_behind_is_hidden() -> None:
    for name in (
        ".DS_Store", "a/._x.jpg", "__MACOSX/a/x.jpg", ".git/x.png", "a/Thumbs.db",
        "a/Desktop.ini", "a/Icon\r", "@eaDir/a/x.jpg",
    ):  # fmt: skip
        assert is_hidden(PurePosixPath(name))
    assert not is_hidden(PurePosixPath("a/Icon.png"))


def test_texts_beside_images_are_sidecars() -> None:  # D9
    names = {PurePosixPath(name) for name in ("a/1.jpg", "a/1.txt", "a/1.json", "a/2.txt", "1.txt")}
    assert {str(name) for name in sidecars(names)} == {"a/1.txt", "a/1.json"}
