"""A folder of class folders, with all that real disks hold."""

import os
from pathlib import Path
from typing import Any

import pytest
from support.pictures import encoded, make_folder, texture

from swatchbook.acquisition import sources
from swatchbook.acquisition.candidate import Candidate
from swatchbook.acquisition.kinds import folder
from swatchbook.base.errors import DataError, ImageRefused


def listed(root: Path) -> dict[str, Candidate]:
    return {item.name: item for item in sources.candidates(f"folder:{root}")}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "images", {"a": 2, "b": 2})


def test_the_class_is_the_first_folder_at_any_depth(root: Path) -> None:
    deep = root / "a" / "x" / "y"
    deep.mkdir(parents=True)
    (deep / "deep.png").write_bytes(encoded(texture(9)))
    assert listed(root)["a/x/y/deep.png"].label == "a"
    assert listed(root)["b/b_001.png"].label == "b"


def test_outer_folders_that_hold_only_folders_are_no_classes(root: Path) -> None:
    assert {item.label for item in listed(root.parent).values()} == {"a", "b"}


def test_names_that_are_not_utf8_are_kept_as_escaped_text(root: Path) -> None:  # B01
    (Path(os.fsdecode(os.fsencode(root / "a") + b"/\xff\xfe.png"))).write_bytes(b"x")
    assert listed(root)["a/\\xff\\xfe.png"].read() == b"x"


def test_long_names_are_read(root: Path) -> None:  # B02
    (root / "a" / ("n" * 251 + ".png")).write_bytes(b"x")
    assert listed(root)["a/" + "n" * 251 + ".png"].read() == b"x"


def test_links_are_followed_inside_only(root: Path, tmp_path: Path) -> None:  # B04
    outside = tmp_path / "secret"
    outside.write_bytes(b"secret")
    (root / "a" / "inside.png").symlink_to(root / "b" / "b_000.png")
    (root / "a" / "outside.png").symlink_to(outside)
    (root / "a" / "dangling.png").symlink_to(root / "nothing")
    (root / "a" / "itself.png").symlink_to("itself.png")
    (root / "a" / "loop").symlink_to(root)
    (root / "a" / "etc").symlink_to("/etc")
    found = listed(root)
    assert found["a/inside.png"].reason == ""
    assert found["a/outside.png"].reason == "escape"
    assert found["a/etc"].reason == "escape"
    assert found["a/dangling.png"].reason == "vanished"
    assert found["a/itself.png"].reason == "vanished"
    assert found["a/loop"].reason == "not_a_file"
    assert len(found) == 4 + 6


def test_pipes_are_listed_and_never_opened(root: Path) -> None:  # B05
    os.mkfifo(root / "a" / "pipe.png")
    assert listed(root)["a/pipe.png"].reason == "not_a_file"


def test_an_unreadable_file_and_a_folder_named_like_one(root: Path) -> None:  # B06
    (root / "a" / "folder.jpg").mkdir()
    (root / "a" / "folder.jpg" / "x.png").write_bytes(b"x")
    found = listed(root)
    assert found["a/folder.jpg/x.png"].label == "a"
    secret = root / "a" / "a_000.png"
    secret.chmod(0)
    if os.geteuid() == 0:
        pytest.skip("root may read every file")
    with pytest.raises(ImageRefused, match="unreadable"):
        found["a/a_000.png"].read()


def test_a_folder_that_cannot_be_listed_is_an_error(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # D13
    scan = os.scandir

    def refuse(path: str) -> Any:
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match=r"folder '.*/b' can't be listed: Permission denied; let"):
        listed(root)
    with pytest.raises(DataError, match="can't be listed"):
        list(folder.unlabelled(str(root)))


def test_empty_class_folders_and_texts_are_told(root: Path) -> None:  # D3 D9
    (root / "c" / "inner").mkdir(parents=True)
    (root / "a" / "a_000.txt").write_text("a caption")
    (root / "a" / "Thumbs.db").write_bytes(b"x")
    found = listed(root)
    assert (found["c/"].label, found["c/"].reason) == ("c", "no_files")
    assert found["a/a_000.txt"].reason == "sidecar"
    assert len(found) == 6


def test_a_file_that_is_gone_when_read_is_refused(root: Path) -> None:  # A36
    found = listed(root)
    (root / "a" / "a_000.png").unlink()
    with pytest.raises(ImageRefused, match="vanished"):
        found["a/a_000.png"].read()


@pytest.mark.parametrize("name", ["it's", 'a "b"', "🦊", "עברית", "<script>", "=cmd", "a,b;c", "é"])
def test_class_names_are_only_text(tmp_path: Path, name: str) -> None:  # B07 B09 B10
    root = make_folder(tmp_path / "images", {name: 1, "other": 1})
    assert name in {item.label for item in listed(root).values()}


@pytest.mark.parametrize("name", ["CON", "lpt1", "a\\b", "tab\tbed"])
def test_class_names_that_some_system_refuses_are_errors(tmp_path: Path, name: str) -> None:  # B08
    root = make_folder(tmp_path / "images", {name: 1, "other": 1})
    with pytest.raises(DataError, match="not a name that all systems allow"):
        listed(root)


def test_decomposed_and_composed_names_are_one_class(tmp_path: Path) -> None:  # B03
    root = make_folder(tmp_path / "images", {"caf\u00e9": 1, "cafe\u0301": 1, "tea": 1})
    assert {item.label for item in listed(root).values()} == {"caf\u00e9", "tea"}


def test_hidden_files_are_left_out_and_files_without_class_listed(root: Path) -> None:  # A33
    (root / "a" / ".DS_Store").write_bytes(b"x")
    (root / "a" / "._a.jpg").write_bytes(b"x")
    (root / "loose.png").write_bytes(b"x")
    found = listed(root)
    assert len(found) == 5
    assert found["loose.png"].reason == "no_class"


def test_a_text_beside_the_classes_does_not_hide_them(root: Path) -> None:
    (root.parent / "README.txt").write_text("my images")
    found = listed(root.parent)
    assert found["images/a/a_000.png"].label == "a"
    assert found["README.txt"].reason == "no_class"


@pytest.mark.parametrize("location", ["~nosuchuser/x", "a\0b"])
def test_a_location_that_is_no_path_is_an_error(location: str) -> None:
    with pytest.raises(DataError, match=r"acquire\.source"):
        list(sources.candidates(f"folder:{location}"))


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing' is not there; name a folder"):
        listed(tmp_path / "nothing")
