"""Features pushed by one machine are taken in by another: once, whole, and of this project only."""

from pathlib import Path

import pytest
from support.project import Project
from support.storage import opened
from support.storage_servers import Storage, web

from swatchbook.base.errors import DataError
from swatchbook.health import verification
from swatchbook.inference import features
from swatchbook.storage import remotes, shared_features
from swatchbook.storage.remotes import Remote

NETWORK = "ab" * 32
PACKS = Path("swatchbook/features") / NETWORK[:16]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "storage"


@pytest.fixture
def remote(bare: Project, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Remote:
    return opened(bare, Storage(str(folder)), monkeypatch)


def key(number: int) -> str:
    return f"{NETWORK}|openvino|bfloat16|1|{number:064x}"


def compute(*numbers: int) -> None:
    with features.cache_of(NETWORK) as cache:
        cache.put({key(number): bytes([number]) * 8 for number in numbers})


def known() -> dict[str, bytes]:
    with features.cache_of(NETWORK) as cache:
        return dict(cache.items())


def elsewhere(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWATCHBOOK_CACHE", str(tmp_path / name))


def images(*numbers: int) -> list[str]:
    return [f"{number:064x}" for number in numbers]


def test_two_machines_end_with_the_same(
    remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = images(1, 2, 3, 4)
    compute(1, 2)
    assert shared_features.push(remote, {NETWORK}, own).values == 2
    assert shared_features.push(remote, {NETWORK}, own).values == 0
    elsewhere("b", tmp_path, monkeypatch)
    compute(2, 3)
    moved = shared_features.push(remote, {NETWORK}, own)
    assert (moved.values, moved.packs) == (1, 1)
    assert known() == {key(n): bytes([n]) * 8 for n in (1, 2, 3)}
    elsewhere("cache", tmp_path, monkeypatch)
    moved = shared_features.pull(remote)
    assert (moved.values, moved.packs) == (1, 1)
    assert len(known()) == 3
    assert shared_features.pull(remote).packs == 0


def test_images_of_other_projects_stay_here(remote: Remote, folder: Path) -> None:
    compute(1, 2)
    assert shared_features.push(remote, {NETWORK}, images(2)).values == 1
    (pack,) = (folder / PACKS).iterdir()
    assert key(2).encode() in pack.read_bytes()
    assert key(1).encode() not in pack.read_bytes()


def test_what_was_lost_here_is_taken_in_again(remote: Remote) -> None:
    compute(1, 2)
    shared_features.push(remote, {NETWORK}, images(1, 2))
    with features.cache_of(NETWORK) as cache:
        path = Path(cache._path)
    path.unlink()
    assert shared_features.pull(remote).values == 2
    assert len(known()) == 2


def test_a_pack_that_was_tampered_with_is_left_out_and_sent_again(
    remote: Remote, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute(1, 2)
    shared_features.push(remote, {NETWORK}, images(1, 2))
    (pack,) = (folder / PACKS).iterdir()
    content = bytearray(pack.read_bytes())
    content[content.index(bytes([2]) * 8)] ^= 1
    pack.write_bytes(content)
    elsewhere("b", tmp_path, monkeypatch)
    moved = shared_features.pull(remote)
    assert moved.damaged == [f"{NETWORK[:16]}/{pack.name}"]
    assert known() == {}
    # somebody who has other values as well shares them in a pack of another name
    compute(1, 2, 3)
    assert shared_features.push(remote, {NETWORK}, images(1, 2, 3)).values == 3
    elsewhere("c", tmp_path, monkeypatch)
    moved = shared_features.pull(remote)
    assert (moved.values, len(moved.damaged)) == (3, 1)
    # until it is taken away; then the one who made it can share it again
    assert [found.fix() for found in verification.stored(remote) if found.fix] == [
        "1 taken away; `swatchbook cache push` sends what this machine has of them"
    ]
    elsewhere("cache", tmp_path, monkeypatch)
    assert shared_features.push(remote, {NETWORK}, images(1, 2)).damaged == []
    elsewhere("d", tmp_path, monkeypatch)
    moved = shared_features.pull(remote)
    assert (moved.values, moved.damaged) == (3, [])


def test_an_index_that_lacks_packs_is_completed(remote: Remote, folder: Path) -> None:
    compute(1)
    shared_features.push(remote, {NETWORK}, images(1))
    index = folder / "swatchbook/features.txt"
    whole = index.read_text()
    index.write_text("")
    shared_features.push(remote, {NETWORK}, images(1))
    assert index.read_text() == whole != ""


def test_many_values_are_several_packs(
    remote: Remote, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_features, "_VALUES_OF_PACK", 2)
    compute(1, 2, 3, 4, 5)
    assert shared_features.push(remote, {NETWORK}, images(*range(9))).packs == 3
    assert len(list((folder / PACKS).iterdir())) == 3


def test_over_http_packs_are_read_and_not_written(
    remote: Remote, bare: Project, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with web(folder) as storage:
        bare.run("dvc", "remote", "add", "public", storage.url)
        public = remotes.opened("public")
        assert shared_features.pull(public).packs == 0
        compute(1, 2)
        shared_features.push(remote, {NETWORK}, images(1, 2))
        with pytest.raises(DataError, match="it is for reading"):
            shared_features.push(public, {NETWORK}, images(1, 2))
        elsewhere("b", tmp_path, monkeypatch)
        assert shared_features.pull(public).values == 2
        # a list that names what is no pack
        (folder / "swatchbook/features.txt").write_text("../../../etc/passwd\n\n/x\n")
        assert shared_features.pull(public).packs == 0
