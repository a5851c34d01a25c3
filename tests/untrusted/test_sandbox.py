"""Hostile bytes cost one process, never the run."""

import gc
import os
import random
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import psutil
import pytest
from support.full import FULL
from support.project import ROOT

from swatchbook.base.errors import ImageRefused, SandboxError
from swatchbook.untrusted.sandbox import Sandbox
from swatchbook.untrusted.worker_process import WorkerEnded


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
        case b"loud":
            os.write(1, b"a library of C\n")
            os.write(2, b"warns\n")
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
        for process in box._processes:
            process.kill()
        assert set(dict(box.each((n, b"1") for n in range(8))).values()) == {"1!"}


def test_no_process_is_started_without_work() -> None:
    with Sandbox(_work, ("!",), 2) as box:
        assert list(box.each([])) == []
        assert not box._processes


@pytest.mark.parametrize("reason", ["blank", "truncated"])
def test_a_refusal_stays_what_it_is(reason: str) -> None:
    refused = ImageRefused(reason)
    assert Sandbox(_work, ("!",), 1).refusal(refused) is refused


def test_a_process_killed_at_any_moment_costs_nothing() -> None:  # S1
    moments = random.Random(0)
    for _ in range(50 if FULL else 3):
        with Sandbox(_work, ("!",), 2) as box:

            def kill() -> None:
                time.sleep(moments.random() * 0.6)
                for process in list(box._processes)[:1]:
                    process.kill()

            killer = threading.Thread(target=kill)
            killer.start()
            found = dict(box.each((n, f"{n}".encode()) for n in range(200)))
            killer.join()
        assert found == {number: f"{number}!" for number in range(200)}


def test_who_ends_the_process_twice_is_refused_and_the_next_one_is_not() -> None:
    with Sandbox(_work, ("!",), 1) as box:
        found = dict(box.each([(0, b"die"), (1, b"1")]))
    assert found[1] == "1!"
    assert found[0].detail == "ended by signal 11"  # type: ignore[union-attr]


def test_what_a_library_prints_goes_nowhere(capfd: pytest.CaptureFixture[str]) -> None:  # S2
    with Sandbox(_work, ("!",), 1) as box:
        assert dict(box.each([(0, b"loud")])) == {0: "loud!"}
    assert capfd.readouterr() == ("", "")


def test_many_deaths_leave_nothing_behind() -> None:  # S6
    me = psutil.Process()
    with Sandbox(_work, ("!",), 2) as box:
        box.warm()
        gc.collect()  # what an earlier test left open would be closed meanwhile, and hide a leak
        files, threads = me.num_fds(), threading.active_count()
        for _ in range(3):
            list(box.each((n, b"die") for n in range(2)))
        box.warm()
        gc.collect()
        assert me.num_fds() <= files
        # that of a limit that was not reached may just be ending
        assert sum(not isinstance(one, threading.Timer) for one in threading.enumerate()) <= threads
        processes = list(box._processes)
        assert len(processes) == 2
    assert not any(process.alive for process in processes)


class _Unready:
    """Work that no other process can take up."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (7,)


def test_processes_that_end_as_they_start_are_an_error_after_a_few() -> None:  # S1
    with Sandbox(_work, (_Unready(),), 1) as box, pytest.raises(SandboxError, match="exit code 7"):
        list(box.each([(0, b"1")]))


def test_close_ends_what_is_at_work() -> None:
    box = Sandbox(_work, ("!",), 1)
    futures = [box.submit(b"hang") for _ in range(3)]
    while not box._processes:
        time.sleep(0.01)
    started = time.monotonic()
    box.close()
    assert time.monotonic() - started < 10
    for future in futures:
        assert future.cancelled() or isinstance(future.exception(), WorkerEnded)


SCRIPT = """
from swatchbook.untrusted.examination import Examiner
with Examiner(2, 16) as box:
    for number, found in box.examine([(0, b"no image"), (1, b"")]):
        print(number, found.reason, flush=True)
    {end}
"""


def test_a_script_needs_no_guard() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(end="")], cwd=ROOT, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout == "0 not_image\n1 empty\n"
    assert done.stderr == ""


def test_no_process_outlives_who_started_it() -> None:
    code = SCRIPT.format(end="import time; time.sleep(60)")
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as script:
        assert script.stdout
        assert script.stdout.readline() == "0 not_image\n"
        children = psutil.Process(script.pid).children()
        assert children
        script.kill()
        _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
