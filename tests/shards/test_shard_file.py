"""A shard is read as it was written, and a damaged one is an error in one line."""

from pathlib import Path

import pytest

from swatchbook.base.errors import DataError
from swatchbook.shards import shard_file
from swatchbook.shards.shard_file import PackedImage

IMAGES = [PackedImage(f"{n}.jpg", f"{n:064}", bytes([n % 256]) * n) for n in range(300)]


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    shard_file.write(IMAGES, tmp_path / shard_file.name(3))
    assert list(shard_file.read(tmp_path, 3)) == IMAGES


def test_equal_images_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        shard_file.write(IMAGES, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_one_that_is_cut_says_so(tmp_path: Path, share: float) -> None:
    path = tmp_path / shard_file.name(0)
    shard_file.write(IMAGES, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(
        DataError, match=r"part-00000\.parquet: cut short or damaged .*take a whole copy"
    ):
        list(shard_file.read(tmp_path, 0))


def test_one_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"part-00007\.parquet: is not there; take a whole copy"):
        list(shard_file.read(tmp_path, 7))
