"""In = packed + left out by a named reason; equal files give equal bytes; all or nothing."""

import hashlib
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from swatchbook.acquisition.candidate import Candidate
from swatchbook.base.errors import DataError, ImageRefused
from swatchbook.shards import manifest, packing, shard_file
from swatchbook.shards.packing import Size


def candidates(count: int) -> Iterator[Candidate]:
    for n in range(count):
        yield Candidate(f"a/{n}.jpg", "", "", "", partial(bytes, f"image {n}".encode()))


def gone() -> bytes:
    raise ImageRefused("vanished")


def test_named_is_packed_and_left_out(tmp_path: Path) -> None:
    def some() -> Iterator[Candidate]:
        yield from candidates(5)
        yield Candidate("a/3.jpg", "", "", "", bytes)
        yield Candidate("pipe", "", "", "not_a_file", bytes)
        yield Candidate("gone.jpg", "", "", "", gone)

    packed = packing.pack(some(), tmp_path / "shards", Size(images=2))
    assert packed.left_out == {"named_twice": 1, "not_a_file": 1, "vanished": 1}
    found = manifest.read(tmp_path / "shards")
    assert found.facts["named"] == 8 == found.facts["images"] + packed.left_out.total()
    assert list(found.rows["path"]) == [f"a/{n}.jpg" for n in range(5)]
    assert list(found.rows["shard"]) == [0, 0, 1, 1, 2]
    assert list(found.rows["row"]) == [0, 1, 0, 1, 0]
    listed = pd.read_csv(tmp_path / "shards" / packing.LEFT_OUT)
    assert dict(zip(listed["path"], listed["reason"], strict=True)) == {
        "a/3.jpg": "named_twice", "pipe": "not_a_file", "gone.jpg": "vanished",
    }  # fmt: skip
    images = [image for shard in range(3) for image in shard_file.read(tmp_path / "shards", shard)]
    for image, row in zip(images, found.rows.itertuples(), strict=True):
        assert image.path == row.path
        assert hashlib.sha256(image.content).hexdigest() == image.sha256 == row.sha256
        assert len(image.content) == row.bytes


def test_a_shard_ends_with_the_image_that_fills_it(tmp_path: Path) -> None:
    packed = packing.pack(candidates(6), tmp_path / "shards", Size(images=100, bytes=14))
    assert list(packed.manifest.rows["shard"]) == [0, 0, 1, 1, 2, 2]


def test_equal_files_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        packing.pack(candidates(7), tmp_path / name, Size(images=3))
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert len(files) == 3 + 3
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_what_is_there_stays(tmp_path: Path) -> None:
    packing.pack(candidates(2), tmp_path / "shards", Size())
    with pytest.raises(DataError, match="is there already; choose another folder"):
        packing.pack(candidates(3), tmp_path / "shards", Size())
    assert len(manifest.read(tmp_path / "shards").rows) == 2


def test_a_run_that_ends_early_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[Candidate]:
        yield from candidates(3)
        raise DataError("the archive ends early")

    with pytest.raises(DataError, match="ends early"):
        packing.pack(broken(), tmp_path / "shards", Size(images=1))
    assert not [path for path in tmp_path.iterdir() if "shards" in path.name]


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = tmp_path / f".shards.packing-{socket.gethostname()}-{dead.pid}-abc"
    left.mkdir()
    packing.pack(candidates(2), tmp_path / "shards", Size())
    assert not left.exists()


def test_two_at_once_make_a_whole_pack_each(tmp_path: Path) -> None:
    """The second to end finds the place taken, whoever's machine it is on."""

    def slow() -> Iterator[Candidate]:
        for number, candidate in enumerate(candidates(6)):
            if number == 3:
                packing.pack(candidates(4), tmp_path / "shards", Size(images=1))
            yield candidate

    with pytest.raises(DataError, match="is there already"):
        packing.pack(slow(), tmp_path / "shards", Size(images=1))
    assert len(manifest.read(tmp_path / "shards").rows) == 4
    assert len(list((tmp_path / "shards").glob("part-*"))) == 4
    assert not list(tmp_path.glob(".shards*"))


def test_an_empty_folder_may_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "volume").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "volume")
    packing.pack(candidates(2), tmp_path / "link", Size())
    assert len(manifest.read(tmp_path / "volume").rows) == 2
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    packing.pack(candidates(2), Path(), Size())
    assert len(manifest.read(tmp_path / "here").rows) == 2


def test_nothing_to_pack_is_an_error(tmp_path: Path) -> None:
    nothing = [Candidate("gone.jpg", "", "", "vanished", bytes)]
    with pytest.raises(DataError, match=r"no image could be read \(1 vanished\)"):
        packing.pack(nothing, tmp_path / "shards", Size())
    assert not (tmp_path / "shards").exists()


def test_the_manifest_is_held_against_its_rows(tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    packing.pack(candidates(4), folder, Size())
    rows = pd.read_parquet(folder / "manifest.parquet")
    rows.iloc[:3].to_parquet(folder / "manifest.parquet", index=False)
    with pytest.raises(DataError, match="not the one that manifest\\.json tells of"):
        manifest.read(folder)
    (folder / "manifest.json").write_text(json.dumps({"format": 1})[:-3])
    with pytest.raises(DataError, match=r"manifest\.json: can't be read"):
        manifest.read(folder)
    with pytest.raises(DataError, match=r"holds no shards: manifest\.json"):
        manifest.read(tmp_path)
