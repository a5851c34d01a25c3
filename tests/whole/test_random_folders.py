"""Nothing vanishes: of any folder, each file is an image, a duplicate, or left out for a reason."""

import contextlib
import shutil
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.pictures import encoded, texture

from swatchbook.acquisition import acquiring, losses, sources
from swatchbook.acquisition.candidate import REASONS
from swatchbook.base.cache import Cache
from swatchbook.base.errors import DataError
from swatchbook.curation import duplicates
from swatchbook.images import limits, store
from swatchbook.untrusted.examination import Examiner

PHOTO = encoded(texture(1))
# what a file may be: its ending, its bytes, and what must become of it
FILES: dict[str, tuple[str, bytes]] = {
    **{f"photo {number}": (".png", encoded(texture(number, number % 3))) for number in range(6)},
    "JPEG": (".JPG", encoded(texture(7), "JPEG")),
    "WebP named .jpg": (".jpg", encoded(texture(8), "WEBP")),
    "grey of 16 bits": (".tif", encoded(texture(9).convert("L"), "TIFF")),
    "photo 1 as JPEG": (".jpeg", encoded(texture(1, 1), "JPEG", quality=95)),
    "page": (".jpg", b"<html>404</html>"),
    "cut": (".png", PHOTO[: len(PHOTO) // 2]),
    "empty": (".png", b""),
    "HEIC": (".jpg", b"\0\0\0\x18ftypheic" + bytes(99)),
    "caption": (".txt", b"a red shirt"),
    "archive": (".zip", b"PK\x05\x06" + bytes(18)),
    "no ending": ("", encoded(texture(10))),
}
SYSTEM = ["Thumbs.db", ".DS_Store", "._photo.jpg", "desktop.ini"]
NAMES = st.sampled_from(["cat", "dog", "café", "red shirt", unicodedata.normalize("NFD", "thé")])
TREES = st.dictionaries(
    st.tuples(NAMES, st.sampled_from(["", "phone", "scan/old"])),
    st.lists(st.tuples(st.sampled_from(sorted(FILES)), st.integers(0, 2)), max_size=8),
    min_size=1,
    max_size=5,
)


@pytest.fixture(scope="module")
def examiner() -> Iterator[Examiner]:
    with Examiner(1, 16) as own:
        yield own


def built(
    root: Path, tree: dict[tuple[str, str], list[tuple[str, int]]], systems: list[str]
) -> int:
    """The folder of a tree; how many files of persons it has."""
    for (label, inner), files in tree.items():
        folder = root / label / inner
        folder.mkdir(parents=True, exist_ok=True)
        for name, number in files:
            ending, content = FILES[name]
            (folder / f"{name} {number}{ending}").write_bytes(content)
        for name in systems:
            (folder / name).write_bytes(b"x")
    return sum(path.is_file() and path.name not in SYSTEM for path in root.rglob("*"))


@contextlib.contextmanager
def told_if(kind: type[Exception]) -> Iterator[list[str]]:
    """What an error said, if there was one."""
    said: list[str] = []
    try:
        yield said
    except kind as error:
        said.append(str(error))


@given(tree=TREES, systems=st.lists(st.sampled_from(SYSTEM), max_size=2), wraps=st.booleans())
def test_in_is_kept_and_left_out_by_a_named_reason(
    examiner: Examiner,
    tree: dict[tuple[str, str], list[tuple[str, int]]],
    systems: list[str],
    wraps: bool,
) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "images"
        count = built(root / "inner" if wraps else root, tree, systems)
        shutil.rmtree(store.FOLDER, ignore_errors=True)
        with Cache(Path(name) / "seen.sqlite") as seen, told_if(DataError) as refused:
            found = acquiring.acquire(sources.candidates(f"folder:{root}"), seen, examiner).manifest
    if refused:
        (said,) = refused
        assert "\n" not in said
        assert count == 0 or "acquire.layout" in said or "differ in" in said
        return
    rows = found[found["reason"] != "no_files"]
    assert len(rows) == count
    assert not rows.duplicated("source").any()
    known = {*limits.REASONS, *REASONS}
    assert set(found.loc[found["status"] != "ok", "reason"]) <= known
    assert (found.loc[found["status"] == "ok", "reason"] == "").all()
    # folders that stand alone around the others are no classes
    folders = {part for label, inner in tree for part in (label, *inner.split("/"))}
    assert set(found["label"]) <= {
        unicodedata.normalize("NFC", name) for name in folders | {"inner"}
    }
    good = found[found["status"] == "ok"]
    for path in good["path"]:
        assert Path(path).is_file()
    if good.empty:  # the stage stops, and says so
        with pytest.raises(DataError, match=r"it holds no files|none of \d+ files can be used"):
            acquiring.check(found, 0.2)
        return
    good = good.assign(annotated="")
    curated = duplicates.curate(good, 20, "one")
    assert len(curated) == len(good)
    assert ((curated["reason"] == "") == curated["kept"]).all()
    kept, left_out = (
        Counter(curated.loc[curated["kept"], "label"]),
        Counter(curated.loc[~curated["kept"], "label"]),
    )
    assert kept + left_out == Counter(good["label"])
    # a class that has nothing left is told of, here or there
    told = " ".join([*losses.lost_classes(found), *duplicates.lost_classes(good, curated)])
    for label in set(found["label"]) - {""} - set(kept):
        assert repr(label) in told
