"""Bytes by key, for several writers."""

import multiprocessing
import os
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy as np

from swatchbook.base.cache import Cache


def _write(path: Path, start: int) -> None:
    with Cache(path) as cache:
        for number in range(start, start + 50):
            cache.put({str(number): bytes([number])})


def _open_each(folder: Path, barrier: Barrier) -> None:
    for number in range(60):
        barrier.wait(30)
        with Cache(folder / f"{number}.sqlite") as cache:
            cache.put({str(os.getpid()): b"x"})


def test_what_was_put_is_found_again() -> None:
    path = Path("deep/cache.sqlite")
    with Cache(path) as cache:
        cache.put({str(number): b"x" * number for number in range(1200)})
    with Cache(path) as cache:
        found = cache.get([str(number) for number in range(2000)])
        assert found == {str(number): b"x" * number for number in range(1200)}
        cache.put({"3": b"new"})
        assert cache.get(["3", "nothing"]) == {"3": b"new"}


def test_a_damaged_file_is_laid_aside() -> None:
    path = Path("cache.sqlite")
    path.write_bytes(b"no database" * 1000)
    with Cache(path) as cache:
        cache.put({"x": b"y"})
        assert cache.get(["x"]) == {"x": b"y"}
    assert Path("cache.sqlite.damaged").exists()


def test_two_writers_at_once_lose_nothing() -> None:
    path = Path("cache.sqlite").absolute()
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(path, start)) for start in (0, 100)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with Cache(path) as cache:
        assert len(cache.get(str(number) for number in range(200))) == 100


def test_a_new_file_may_be_opened_by_several_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(3)
    openers = [context.Process(target=_open_each, args=(tmp_path, barrier)) for _ in range(3)]
    for opener in openers:
        opener.start()
    for opener in openers:
        opener.join()
    assert [opener.exitcode for opener in openers] == [0, 0, 0]
    for path in tmp_path.glob("*.sqlite"):
        with Cache(path) as cache:
            assert len(cache.items()) == 3


def filled(path: Path, count: int = 300) -> dict[str, bytes]:
    entries = {f"key {number}": os.urandom(200) for number in range(count)}
    with Cache(path) as cache:
        cache.put(entries)
    return entries


def flip(path: Path, position: int, bit: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1 << bit
    path.write_bytes(data)


def test_a_flipped_bit_is_never_taken_for_a_value() -> None:
    """1,000 single bits anywhere in the file: each value is right or missing."""
    path = Path("cache.sqlite")
    entries = filled(path)
    whole = path.read_bytes()
    random = np.random.default_rng(5)
    lost = 0
    for _ in range(1000):
        path.write_bytes(whole)
        flip(path, int(random.integers(len(whole))), int(random.integers(8)))
        with Cache(path) as cache:
            found = cache.get(entries)
        assert found.items() <= entries.items()
        lost += len(found) < len(entries)
    # most of the file is values
    assert lost > 500


def test_verify_finds_and_removes_what_is_damaged() -> None:
    path = Path("cache.sqlite")
    entries = filled(path)
    position = path.read_bytes().index(entries["key 7"]) + 50
    flip(path, position, 3)
    with Cache(path) as cache:
        assert cache.verify() == (299, 1)
        assert cache.verify() == (299, 0)
        assert set(entries) - set(cache.get(entries)) == {"key 7"}
