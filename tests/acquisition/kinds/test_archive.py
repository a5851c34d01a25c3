"""Zip and tar files, also hostile ones: nothing is ever unpacked to disk."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from support.pictures import make_folder

from swatchbook.acquisition import sources
from swatchbook.acquisition.candidate import Candidate
from swatchbook.base.errors import DataError, ImageRefused
from swatchbook.images import limits


def listed(path: Path) -> dict[str, Candidate]:
    return {item.name: item for item in sources.candidates(f"archive:{path}")}


def read(path: Path) -> dict[str, bytes]:
    return {item.name: item.read() for item in sources.candidates(f"archive:{path}")}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "images", {"a": 2, "b": 2})


def packed(root: Path, parent: Path, kind: str) -> Path:
    """An archive of the folder ``root``, called ``set`` inside."""
    path = parent / f"set.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in root.rglob("*.png"):
                archive.write(file, f"set/{file.relative_to(root)}")
    else:
        with tarfile.open(path, f"w:{kind.partition('.')[2]}") as archive:
            archive.add(root, "set")
    return path


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.xz"])
def test_an_archive_holds_what_its_folder_holds(root: Path, tmp_path: Path, kind: str) -> None:
    path = packed(root, tmp_path, kind)
    folder = {item.name: item.read() for item in sources.candidates(f"folder:{root}")}
    assert {name.removeprefix("set/"): data for name, data in read(path).items()} == folder
    assert {item.label for item in listed(path).values()} == {"a", "b"}


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_what_is_listed_first_and_read_later_is_there(
    root: Path, tmp_path: Path, kind: str
) -> None:
    path = packed(root, tmp_path, kind)
    all_listed = list(sources.candidates(f"archive:{path}"))
    assert [item.content()[:4] for item in all_listed] == [b"\x89PNG"] * 4


def test_members_that_lead_out_are_refused(tmp_path: Path) -> None:  # B08
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("../../etc/x.png", "/abs/y.png", "a/../../z.png", "a/good.png", "b/good.png"):
            archive.writestr(name, b"x")
    found = listed(path)
    assert [item.reason for item in found.values()].count("escape") == 3
    assert found["a/good.png"].reason == ""


def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path) -> None:  # B04
    path = tmp_path / "evil.tar"
    with tarfile.open(path, "w") as archive:
        for name, kind in (("a/l.png", tarfile.SYMTYPE), ("a/f.png", tarfile.FIFOTYPE)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "/etc/passwd"
            archive.addfile(entry)
        entry = tarfile.TarInfo("b/good.png")
        entry.size = 1
        archive.addfile(entry, io.BytesIO(b"x"))
    found = listed(path)
    assert found["a/l.png"].reason == "escape"
    assert found["a/f.png"].reason == "not_a_file"
    assert found["b/good.png"].reason == ""


def test_a_zip_bomb_is_cut_at_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/bomb.png", b"\0" * 5_000_000)
    # a header may lie about the size: what counts is what comes out
    bomb = next(sources.candidates(f"archive:{path}"))
    monkeypatch.setattr(limits, "MAX_BYTES", 1000)
    with zipfile.ZipFile(path) as archive:
        entry = archive.infolist()[0]
        with pytest.raises(ImageRefused, match="too_large"):
            sources.archive._read_zip(archive, entry)
    assert bomb.reason == ""
    assert listed(path)["a/bomb.png"].reason == "too_large"


def test_a_damaged_member_is_refused_when_read(tmp_path: Path) -> None:
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/x.png", b"content of x")
    path.write_bytes(path.read_bytes().replace(b"content of x", b"content of y"))
    candidates = sources.candidates(f"archive:{path}")
    with pytest.raises(ImageRefused, match="unreadable"):
        next(candidates).read()


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "tar.xz", "zip"])
@pytest.mark.parametrize("damage", ["cut", "header"])
def test_a_damaged_archive_is_an_error_and_loses_nothing_in_silence(
    root: Path, tmp_path: Path, kind: str, damage: str
) -> None:
    path = packed(root, tmp_path, kind)
    data = bytearray(path.read_bytes())
    if damage == "cut":
        data = data[: len(data) // 2]
    elif kind == "tar":
        data[data.index(b"set/b") : data.index(b"set/b") + 5] = b"XXXXX"
    elif kind == "zip":
        start = data.rindex(b"PK\x01\x02")
        data[start : start + 4] = b"XXXX"
    else:
        data[len(data) // 2 : len(data) // 2 + 40] = b"X" * 40
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match=r"is damaged|neither a zip nor a tar"):
        listed(path)


def test_members_of_a_tar_come_in_its_own_order(tmp_path: Path) -> None:
    path = tmp_path / "set.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in ("b/2.png", "a/9.png", "b/1.png"):
            entry = tarfile.TarInfo(name)
            entry.size = 1
            archive.addfile(entry, io.BytesIO(b"x"))
        link = tarfile.TarInfo("a/hard.png")
        link.type, link.linkname = tarfile.LNKTYPE, "b/2.png"
        archive.addfile(link)
    assert list(read(path).items()) == [
        ("b/2.png", b"x"), ("a/9.png", b"x"), ("b/1.png", b"x"), ("a/hard.png", b"x"),
    ]  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"Rar!\x1a\x07", b"text"])
def test_another_file_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "set.rar"
    path.write_bytes(content)
    with pytest.raises(DataError, match="neither a zip nor a tar"):
        listed(path)
