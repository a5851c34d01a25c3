"""Hostile bytes cost one process, never the run."""

import os
import signal
import time

import psutil
import pytest

from swatchbook.errors import ImageRefused
from swatchbook.sandbox import Sandbox


def _work(data: bytes, suffix: str) -> str:
    match data:
        case b"hang":
            time.sleep(60)
        case b"die":
            os.kill(os.getpid(), signal.SIGSEGV)
        case b"odd":
            raise StopAsyncIteration("nobody foresaw this")
        case b"eat":
            bytearray(2**40)
        case b"bad":
            raise ImageRefused("not_image")
    return data.decode() + suffix


def test_results_come_in_order() -> None:
    with Sandbox(_work, ("!",), 2) as box:
        found = dict(box.each((n, f"{n}".encode()) for n in range(20)))
    assert found == {number: f"{number}!" for number in range(20)}


def test_a_crash_a_hang_and_a_glutton_are_refused_and_the_rest_goes_on() -> None:  # A13 A18 A23
    items = dict(enumerate([b"1", b"hang", b"die", b"eat", b"2", b"odd", b"bad"]))
    with Sandbox(_work, ("!",), 2, seconds=5) as box:
        found = dict(box.each(items.items()))
    reasons = [found[n].reason for n in (1, 2, 3, 5, 6)]  # type: ignore[union-attr]
    assert reasons == ["timeout", "decoder_crash", "decoder_crash", "corrupt", "not_image"]
    assert (found[0], found[4]) == ("1!", "2!")


def test_work_of_several_threads_goes_to_one_pool() -> None:
    with Sandbox(_work, ("!",), 2) as box:
        futures = [box.submit(b"1") for _ in range(9)]
        assert {future.result() for future in futures} == {"1!"}


def test_a_worker_that_the_system_ends_while_it_is_idle_is_replaced() -> None:
    with Sandbox(_work, ("!",), 2) as box:
        box.warm()
        for child in psutil.Process().children(recursive=True):
            if "spawn_main" in " ".join(child.cmdline()):
                child.kill()
        time.sleep(0.5)
        found = dict(box.each((n, b"1") for n in range(8)))
        assert set(map(str, found.values())) <= {"1!", str(ImageRefused("decoder_crash", ""))}
        assert dict(box.each([(0, b"2")])) == {0: "2!"}


def test_no_process_is_started_without_work() -> None:
    with Sandbox(_work, ("!",), 2) as box:
        assert list(box.each([])) == []
        assert box._pool is None


@pytest.mark.parametrize("reason", ["blank", "truncated"])
def test_a_refusal_stays_what_it_is(reason: str) -> None:
    refused = ImageRefused(reason)
    assert Sandbox(_work, ("!",), 1).refusal(refused) is refused
