"""Zip and tar files, also hostile ones: nothing is ever unpacked to disk."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from conftest import make_folder

from swatchbook import images, sources
from swatchbook.errors import DataError, ImageRefused
from swatchbook.sources.candidate import Candidate


def listed(path: Path) -> dict[str, Candidate]:
    return {item.name: item for item in sources.candidates(f"archive:{path}")}


def read(path: Path) -> dict[str, bytes]:
    return {item.name: item.read() for item in sources.candidates(f"archive:{path}")}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "images", {"a": 2, "b": 2})


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.xz"])
def test_an_archive_holds_what_its_folder_holds(root: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"set.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in root.rglob("*.png"):
                archive.write(file, f"set/{file.relative_to(root)}")
    else:
        with tarfile.open(path, f"w:{kind.partition('.')[2]}") as archive:
            archive.add(root, "set")
    folder = {item.name: item.read() for item in sources.candidates(f"folder:{root}")}
    assert {name.removeprefix("set/"): data for name, data in read(path).items()} == folder
    assert {item.label for item in listed(path).values()} == {"a", "b"}


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
    monkeypatch.setattr(images, "MAX_BYTES", 1000)
    assert listed(path)["a/bomb.png"].reason == "too_large"


def test_a_damaged_member_is_refused_when_read(tmp_path: Path) -> None:
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/x.png", b"content of x")
    path.write_bytes(path.read_bytes().replace(b"content of x", b"content of y"))
    (candidate,) = sources.candidates(f"archive:{path}")
    with zipfile.ZipFile(path) as archive, pytest.raises(ImageRefused, match="unreadable"):
        sources.archive._read_zip(archive, archive.infolist()[0])
    assert candidate.name == "a/x.png"


@pytest.mark.parametrize("content", [b"", b"Rar!\x1a\x07", b"text"])
def test_another_file_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "set.rar"
    path.write_bytes(content)
    with pytest.raises(DataError, match="neither a zip nor a tar"):
        listed(path)
