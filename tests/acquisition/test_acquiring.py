"""From candidates to the store and the manifest."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from support.pictures import encoded, make_folder, texture

from swatchbook.acquisition import acquiring, sources
from swatchbook.acquisition.acquiring import Acquired
from swatchbook.base import files, machine
from swatchbook.base.cache import Cache
from swatchbook.base.errors import DataError
from swatchbook.images import decoding, limits, store
from swatchbook.images.frame import Frame
from swatchbook.untrusted.examination import Examiner


def acquire(root: Path, hash_size: int = 16, max_side: int = 0, kind: str = "folder") -> Acquired:
    with (
        Cache(machine.cache_folder() / "seen.sqlite") as seen,
        Examiner(1, hash_size, max_side) as examiner,
    ):
        return acquiring.acquire(sources.candidates(f"{kind}:{root}"), seen, examiner)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "images", {"a": 3, "b": 3})


def test_every_file_has_a_row_and_every_image_is_stored_once(root: Path) -> None:
    (root / "a" / "copy.png").write_bytes((root / "a" / "a_000.png").read_bytes())
    (root / "b" / "bad.jpg").write_bytes(b"<html>")
    (root / "b" / "really.jpg").write_bytes(encoded(texture(50), "WEBP"))
    found = acquire(root)
    manifest = found.manifest.set_index("source")
    assert found.read == len(manifest) == 9
    assert manifest.loc["b/bad.jpg", ["status", "reason"]].tolist() == ["quarantined", "not_image"]
    assert str(manifest.loc["b/really.jpg", "path"]).endswith(".webp")
    stored = {path.as_posix() for path in store.FOLDER.rglob("*") if path.is_file()}
    assert stored == set(manifest.loc[manifest["status"] == "ok", "path"])
    for path in stored:
        assert files.digest(Path(path).read_bytes()) == Path(path).stem


@pytest.mark.parametrize("kind", ["folder", "zip", "gztar"])
@pytest.mark.parametrize("count", [1, 4, 5, 6, 10])
def test_nothing_is_lost_at_the_end_of_a_batch(
    kind: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source is read in batches; the last one used to be read when its archive was closed."""
    monkeypatch.setattr(acquiring, "_AT_ONCE", 5)
    folder = make_folder(tmp_path / "images", {"a": count})
    if kind == "folder":
        found = acquire(folder)
    else:
        archive = shutil.make_archive(str(tmp_path / "set"), kind, folder)
        found = acquire(Path(archive), kind="archive")
    assert found.manifest["status"].tolist() == ["ok"] * count


def test_a_second_run_reads_only_new_files(root: Path) -> None:
    first = acquire(root)
    (root / "a" / "new.png").write_bytes(encoded(texture(77)))
    second = acquire(root)
    assert (first.read, second.read) == (6, 1)
    old = second.manifest[second.manifest["source"] != "a/new.png"].reset_index(drop=True)
    pd.testing.assert_frame_equal(old, first.manifest)


def test_a_changed_file_is_read_again(root: Path) -> None:
    before = acquire(root).manifest.set_index("source")
    (root / "a" / "a_000.png").write_bytes(encoded(texture(88)))
    after = acquire(root)
    assert after.read == 1
    changed = after.manifest.set_index("source")["sha256"] != before["sha256"]
    assert list(changed.index[changed]) == ["a/a_000.png"]


def test_large_images_are_reduced_only_if_asked_and_their_digest_is_kept(root: Path) -> None:
    plain = acquire(root).manifest
    assert list(plain["file_sha256"]) == list(plain["sha256"])
    small = acquire(root, max_side=32)
    manifest = small.manifest.set_index("source")
    assert small.read == 6
    assert list(manifest["file_sha256"]) == list(plain.set_index("source")["sha256"])
    assert set(manifest["width"]) == set(manifest["height"]) == {32}
    for row in small.manifest.to_dict("records"):
        data = Path(row["path"]).read_bytes()
        assert (files.digest(data), len(data)) == (row["sha256"], row["bytes"])
        assert decoding.decode(data, Frame(32, "pad")).shape == (32, 32, 3)
    again = acquire(root, max_side=32)
    assert again.read == 0
    pd.testing.assert_frame_equal(again.manifest, small.manifest)
    pd.testing.assert_frame_equal(acquire(root, max_side=48).manifest, plain)


def test_a_lost_store_or_cache_is_filled_again(root: Path) -> None:
    first = acquire(root)
    store.prune(set())
    assert acquire(root).read == 6
    (machine.cache_folder() / "seen.sqlite").unlink()
    again = acquire(root)
    assert again.read == 6
    pd.testing.assert_frame_equal(again.manifest, first.manifest)


def test_another_hash_size_hashes_again(root: Path) -> None:
    acquire(root)
    assert {len(code) for code in acquire(root, 8).manifest["dhash"]} == {16}


def test_two_classes_that_differ_in_case_are_an_error(root: Path) -> None:
    make_folder(root, {"A": 1})
    with pytest.raises(DataError, match="differ in case only"):
        acquire(root)


def test_a_source_with_nothing_usable_is_an_error(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="holds no files"):
        acquiring.check(acquire(empty).manifest, 0.2)
    (empty / "a").mkdir()
    (empty / "a" / "x.jpg").write_bytes(b"")
    with pytest.raises(DataError, match="none of 1 files can be used: 1 empty"):
        acquiring.check(acquire(empty).manifest, 1.0)


def test_too_many_bad_files_are_an_error_that_counts_the_causes(root: Path) -> None:
    for number in range(3):
        (root / "a" / f"bad{number}.jpg").write_bytes(b"x" * number)
    manifest = acquire(root).manifest
    acquiring.check(manifest, 0.5)
    with pytest.raises(
        DataError,
        match=r"3 of 9 files can't be used \(2 not_image, 1 empty; a/bad0.jpg, a/bad1.jpg, a/",
    ):
        acquiring.check(manifest, 0.2)


def test_metrics_count_classes_and_reasons(root: Path) -> None:
    (root / "a" / "bad.jpg").write_bytes(b"")
    assert acquiring.metrics(acquire(root).manifest) == {
        "files": 7, "images": 6, "quarantined": 1, "per_class": {"a": 3, "b": 3},
        "per_reason": {"empty": 1},
    }  # fmt: skip


def test_a_thousand_classes_are_fine(tmp_path: Path) -> None:  # B18, smaller
    root = make_folder(tmp_path / "many", {f"class {n:04}": 1 for n in range(300)}, side=12)
    assert len(acquiring.metrics(acquire(root).manifest)["per_class"]) == 300


def test_only_known_reasons_are_given(root: Path) -> None:
    (root / "a" / "bad.jpg").write_bytes(b"")
    (root / "a" / "link.jpg").symlink_to("/etc/passwd")
    reasons = set(acquire(root).manifest["reason"]) - {""}
    assert reasons <= set(limits.REASONS)


@pytest.mark.parametrize(
    ("peaks", "levels", "said"),
    [
        ([0, 0], None, ""),
        ([255, 90], None, "`refine_dnn.levels: [0, 255]`"),
        ([4095, 0], None, "1 images of more than 8 bits have no value above 4095"),
        ([60000, 90], None, ""),
        ([4095, 90], (0, 4095), ""),
        ([4095, 2100], (0, 2000), "2 of 2 images have values above 2000"),
    ],
)
def test_deep_images_that_are_dark_or_cut_are_told(
    peaks: list[float], levels: tuple[float, float] | None, said: str
) -> None:
    manifest = pd.DataFrame({"status": "ok", "peak": peaks})
    assert said in acquiring.dark_or_cut(manifest, levels)
    assert bool(said) == bool(acquiring.dark_or_cut(manifest, levels))


def test_the_same_files_in_another_folder_are_known_by_their_bytes(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = acquire(root)
    other = tmp_path / "moved"
    shutil.copytree(root, other)
    shutil.rmtree(store.FOLDER)  # another clone's store has to be filled all the same

    def examined(_: object) -> None:
        raise AssertionError("examined again")

    monkeypatch.setattr(Examiner, "examine", lambda _, items: map(examined, items))
    again = acquire(other)
    assert (again.read, again.known, again.same) == (first.read, 0, first.read)
    columns = [name for name in first.manifest if name != "source"]
    assert again.manifest[columns].equals(first.manifest[columns])
    for path in again.manifest.loc[again.manifest["status"] == "ok", "path"]:
        assert Path(path).is_file()
