"""Bytes by key, for several writers."""

import multiprocessing
import os
from multiprocessing.synchronize import Barrier
from pathlib import Path

from swatchbook.cache import Cache


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
            assert len(cache) == 3
