"""Decoded images: once, bounded, whole after a kill, and the pixels of the one door."""

import os
from pathlib import Path

import numpy as np
import pytest
from support.pictures import encoded, texture

from swatchbook.base import files, machine
from swatchbook.images import store
from swatchbook.images.frame import Frame
from swatchbook.training.batches import decoded


def stored(count: int, side: int = 40) -> dict[str, Path]:
    paths = {}
    for number in range(count):
        data = encoded(texture(number, number % 3, side))
        sha256 = files.digest(data)
        paths[sha256] = store.add(data, sha256, "png")
    return paths


def folder(side: int = 24) -> Path:
    return next((machine.cache_folder() / "decoded").glob(f"{side}-*"))


def test_pixels_are_those_of_the_door() -> None:
    paths = stored(5)
    found = decoded.decode(paths, Frame(24, "pad"), 2)
    for sha256, path in paths.items():
        assert np.array_equal(found.get(sha256), store.pixels(sha256, path, Frame(24, "pad")))
    assert not found.unreadable


def test_an_image_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = stored(6)
    first = dict(list(paths.items())[:4])
    decoded.decode(first, Frame(24, "pad"), 2)
    asked = []
    pixels = store.pixels
    monkeypatch.setattr(
        store, "pixels", lambda sha, *rest: (asked.append(sha), pixels(sha, *rest))[1]
    )
    found = decoded.decode(paths, Frame(24, "pad"), 2)
    assert set(asked) == set(paths) - set(first)
    assert len(found.rows) == 6
    decoded.decode(paths, Frame(24, "crop"), 2)
    assert len(asked) == 8  # another way to become square: other pixels


def test_an_image_that_cannot_be_read_is_reported() -> None:
    paths = stored(3)
    gone, changed = list(paths)[:2]
    paths[gone].unlink()
    paths[changed].write_bytes(b"other")
    found = decoded.decode(paths, Frame(24, "pad"), 2)
    assert found.unreadable == {gone: "vanished", changed: "changed"}
    assert list(found.rows) == list(paths)[2:]


def test_what_a_killed_writer_left_unlisted_is_written_over() -> None:
    paths = stored(4)
    first = dict(list(paths.items())[:2])
    decoded.decode(first, Frame(24, "pad"), 1)
    with (folder() / "pixels").open("ab") as file:
        file.write(b"\xff" * (24 * 24 * 3 + 100))
    found = decoded.decode(paths, Frame(24, "pad"), 1)
    for sha256, path in paths.items():
        assert np.array_equal(found.get(sha256), store.pixels(sha256, path, Frame(24, "pad")))


def test_over_its_bound_the_size_unused_for_longest_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = stored(4)
    one = 24 * 24 * 3
    monkeypatch.setattr(machine, "decoded_bytes", lambda: 12 * one)
    decoded.decode(paths, Frame(24, "pad"), 1)
    os.utime(folder(24), (1, 1))
    decoded.decode(paths, Frame(25, "pad"), 1)
    decoded.decode(paths, Frame(26, "pad"), 1)
    sizes = {path.name.split("-")[0] for path in (machine.cache_folder() / "decoded").glob("*/")}
    assert sizes == {"25", "26"}


def test_a_set_beyond_the_bound_is_decoded_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = stored(6)
    monkeypatch.setattr(machine, "decoded_bytes", lambda: 4 * 24 * 24 * 3)
    found = decoded.decode(paths, Frame(24, "pad"), 1)
    assert len(found.rows) == 4
    for sha256, path in paths.items():
        assert np.array_equal(found.get(sha256), store.pixels(sha256, path, Frame(24, "pad")))


def test_images_of_other_sets_go_when_there_is_no_room_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paths = stored(8)
    early, late = dict(list(paths.items())[:4]), dict(list(paths.items())[4:])
    monkeypatch.setattr(machine, "decoded_bytes", lambda: 5 * 24 * 24 * 3)
    decoded.decode(early, Frame(24, "pad"), 1)
    assert len(decoded.decode(late, Frame(24, "pad"), 1).rows) == 4
    assert len(decoded.decode(late, Frame(24, "pad"), 1).rows) == 4


def test_a_damaged_entry_is_decoded_again_and_no_two_images_share_a_row() -> None:
    paths = stored(4)
    first = dict(list(paths.items())[:3])
    decoded.decode(first, Frame(24, "pad"), 1)
    index = folder() / "rows.sqlite"
    for digest in list(first)[1:2]:
        data = bytearray(index.read_bytes())
        data[data.index(digest.encode()) + 70] ^= 4  # in its checksum
        index.write_bytes(data)
    for some in (first, first, paths, paths):
        found = decoded.decode(some, Frame(24, "pad"), 1)
        assert len(set(found.rows.values())) == len(some)
        for sha256, path in some.items():
            assert np.array_equal(found.get(sha256), store.pixels(sha256, path, Frame(24, "pad")))


def test_verify_finds_damaged_pixels_and_removes_the_folder() -> None:
    paths = stored(3)
    decoded.decode(paths, Frame(24, "pad"), 1)
    assert decoded.verify(folder()) == (3, 0)
    pixels = folder() / "pixels"
    data = bytearray(pixels.read_bytes())
    data[2000] ^= 1
    pixels.write_bytes(data)
    home = folder()
    assert decoded.verify(home) == (2, 1)
    assert not home.exists()
    found = decoded.decode(paths, Frame(24, "pad"), 1)
    for sha256, path in paths.items():
        assert np.array_equal(found.get(sha256), store.pixels(sha256, path, Frame(24, "pad")))
