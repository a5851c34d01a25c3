"""Bytes by key, for several writers."""

import multiprocessing
from pathlib import Path

from swatchbook.cache import Cache


def _write(path: Path, start: int) -> None:
    with Cache(path) as cache:
        for number in range(start, start + 50):
            cache.put({str(number): bytes([number])})


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
