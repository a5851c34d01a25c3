"""Every byte that is stored is hashed: a flipped bit is found, and mended where a copy is whole."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from support.project import Project

from swatchbook.base import machine
from swatchbook.base.errors import DataError
from swatchbook.health import verification
from swatchbook.health.findings import Finding
from swatchbook.storage import dvc_files, remotes
from swatchbook.storage.remotes import Remote

pytestmark = pytest.mark.pipeline


def flip(path: Path, position: int, bit: int) -> None:
    """Change one bit, and neither size nor time nor rights."""
    status = path.stat()
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ 1 << bit]))
    path.chmod(status.st_mode)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def problems() -> list[Finding]:
    return [found for found in verification.local() if found.level == "problem"]


def test_a_sound_project_is_sound(inside: Project) -> None:
    done = inside.run("python", "-m", "swatchbook", "verify")
    assert {line.split(":")[0] for line in done.stdout.splitlines()} == {"ok"}
    assert "objects of DVC's cache" in done.stdout
    assert "features/" in done.stdout


def test_a_thousand_flipped_bits_are_found(inside: Project) -> None:  # D10
    cache = dvc_files.cache_folder()
    objects = [path for path in (cache / "files/md5").glob("??/*") if path.stat().st_size]
    random = np.random.default_rng(2)
    for _ in range(1000):
        path = objects[int(random.integers(len(objects)))]
        position, bit = int(random.integers(path.stat().st_size)), int(random.integers(8))
        flip(path, position, bit)
        assert not verification._is_whole(path)
        flip(path, position, bit)
    assert not problems()


def test_dvc_misses_a_flipped_bit_and_verify_mends_it_from_the_workspace(inside: Project) -> None:
    cache = dvc_files.cache_folder()
    locked = dvc_files.locked()
    whole = {}
    for out in (Path("data/split.csv"), Path("data/images"), Path("models/network.onnx")):
        place = dvc_files.object_path(cache, locked[out])
        whole[place] = place.read_bytes()
        flip(place, len(whole[place]) // 2, 0)
    assert inside.repro() == set()
    (found,) = problems()
    assert "3 of " in found.text
    assert found.fix
    assert found.fix() == "3 taken from the workspace, 0 fetched"
    for place, content in whole.items():
        assert place.read_bytes() == content
    assert not problems()


def test_a_damaged_listing_of_a_folder_is_made_again(inside: Project) -> None:
    cache = dvc_files.cache_folder()
    place = dvc_files.object_path(cache, dvc_files.locked()[Path("data/images")])
    content = place.read_bytes()
    flip(place, 0, 1)  # no JSON any more
    found = problems()
    assert len(found) == 1
    assert found[0].fix
    found[0].fix()
    assert place.read_bytes() == content
    assert not problems()


def test_a_damaged_output_is_put_back_from_the_cache(inside: Project) -> None:
    path = Path("data/predictions.csv")
    content = path.read_bytes()
    flip(path, 1000, 2)
    (found,) = problems()
    assert "1 of " in found.text
    assert "data/predictions.csv" in found.text
    assert found.fix
    found.fix()
    assert path.read_bytes() == content
    assert not problems()


def test_what_is_whole_nowhere_else_is_fetched(inside: Project, tmp_path: Path) -> None:
    inside.run("dvc", "remote", "add", "--default", "shared", str(tmp_path / "remote"))
    inside.run("dvc", "push", "--quiet")
    place = dvc_files.object_path(
        dvc_files.cache_folder(), dvc_files.locked()[Path("data/split.csv")]
    )
    content = place.read_bytes()
    flip(place, 10, 1)
    Path("data/split.csv").unlink()
    (found,) = problems()
    assert found.fix
    assert found.fix() == "0 taken from the workspace, 1 fetched"
    assert place.read_bytes() == content


def test_storage_that_holds_nothing_is_told(inside: Project, tmp_path: Path) -> None:
    inside.run("dvc", "remote", "add", "--default", "shared", str(tmp_path / "not mounted"))
    (found,) = verification.stored(remotes.opened())
    assert found.level == "problem"
    assert "holds nothing" in found.text


def test_an_object_that_cannot_be_read_is_one_of_many(
    inside: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside.run("dvc", "remote", "add", "--default", "shared", str(tmp_path / "remote"))
    inside.run("dvc", "push", "--quiet")
    remote = remotes.opened()
    name = remote.files(remotes.OBJECTS)[0]
    original = Remote.download

    def broken(self: Remote, path: str, to: Path) -> None:
        if path.endswith(name):
            raise DataError("remote 'shared': [Errno 5] Input/output error")
        original(self, path, to)

    monkeypatch.setattr(Remote, "download", broken)
    (found,) = verification.stored(remote)
    assert f"1 of {len(remote.files(remotes.OBJECTS))} objects" in found.text
    assert name in found.text
    assert found.fix
    assert found.fix() == "1 sent again from DVC's cache"


def test_a_truncated_object_is_found_and_mended(inside: Project) -> None:  # D09
    path = Path("data/split.csv")
    place = dvc_files.object_path(dvc_files.cache_folder(), dvc_files.locked()[path])
    content = place.read_bytes()
    place.chmod(0o644)
    place.write_bytes(content[:100])
    (found,) = problems()
    assert found.fix
    assert found.fix() == "1 taken from the workspace, 0 fetched"
    assert place.read_bytes() == content
    # DVC alone: what was truncated is made again, not taken
    place.chmod(0o644)
    place.write_bytes(content[:100])
    path.unlink()
    inside.repro()
    assert path.read_bytes() == content


def test_what_is_whole_nowhere_is_laid_aside_and_made_again(inside: Project) -> None:
    out = Path("models/classifier.onnx")
    place = dvc_files.object_path(dvc_files.cache_folder(), dvc_files.locked()[out])
    content = place.read_bytes()
    flip(place, 10, 1)
    shutil.copy(place, out)
    first, second = problems()
    assert first.fix
    with pytest.raises(DataError, match="1 are in no remote"):
        first.fix()
    assert second.fix
    with pytest.raises(DataError, match="of 1 there is no whole copy"):
        second.fix()
    out.unlink()
    # stages with a cached result are asked to run, not to take it from the run-cache
    assert "train_classifier" in inside.repro()
    assert out.read_bytes() == content
    assert not problems()


def test_damaged_caches_are_emptied_of_what_is_wrong(inside: Project) -> None:
    (features,) = (machine.cache_folder() / "features").glob("*.sqlite")
    size = features.stat().st_size
    for part in range(1, 8):
        flip(features, size * part // 8, 3)
    said = [found for found in verification.of_machine() if found.level == "note"]
    assert len(said) == 1
    assert "damaged entries removed" in said[0].text
    assert not [found for found in verification.of_machine() if found.level == "note"]
