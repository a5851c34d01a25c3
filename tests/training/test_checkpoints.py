"""Checkpoints: whole or not there."""

import io
import os
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from swatchbook.base import files
from swatchbook.training import checkpoints
from swatchbook.training.checkpoints import Checkpoints

FOLDER = Path("training/run")


def state(number: int) -> dict[str, Any]:
    return {"epoch": number, "weights": torch.full((3,), float(number))}


def saved(*numbers: int) -> Checkpoints:
    own = Checkpoints(FOLDER)
    for number in numbers:
        own.save(state(number))
    return own


def test_the_last_one_is_loaded() -> None:
    own = saved(1, 2, 3)
    found = own.load()
    assert found is not None
    assert found["epoch"] == 3
    assert torch.equal(found["weights"], torch.full((3,), 3.0))
    assert Checkpoints(Path("nothing")).load() is None


@pytest.mark.parametrize("harm", ["cut", "altered", "empty", "gone", "junk"])
def test_a_harmed_one_is_passed_over_for_the_one_before(harm: str) -> None:  # E06
    own = saved(1, 2)
    path = FOLDER / "last.pt"
    data = path.read_bytes()
    match harm:
        case "cut":
            path.write_bytes(data[: len(data) // 2])
        case "altered":
            path.write_bytes(data[:-40] + bytes([data[-40] ^ 1]) + data[-39:])
        case "empty":
            path.write_bytes(b"")
        case "gone":
            path.unlink()
        case "junk":
            path.write_bytes(b"x" * 1000)
    found = own.load()
    assert found is not None
    assert found["epoch"] == 1
    (FOLDER / "previous.pt").write_bytes(b"")
    if harm != "gone":
        assert own.load() is None


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("owned"),)  # type: ignore[return-value]


def test_a_malicious_checkpoint_is_not_run() -> None:
    buffer = io.BytesIO()
    torch.save({"x": _Evil()}, buffer)
    content = buffer.getvalue()
    FOLDER.mkdir(parents=True)
    (FOLDER / "last.pt").write_bytes(files.digest(content).encode() + content)
    assert Checkpoints(FOLDER).load() is None
    assert not Path("owned").exists()


def test_the_best_network_and_the_one_before_it_are_kept() -> None:
    own = saved(1)
    for epoch in (1, 2, 5):
        own.save_best(epoch, state(epoch))
    assert own.load_best(1) is None
    for epoch in (2, 5):
        found = own.load_best(epoch)
        assert found is not None
        assert found["epoch"] == epoch


def test_bests_of_a_run_that_was_taken_back_do_not_push_out_the_new_one() -> None:
    own = saved(1)
    for epoch in (7, 9, 2, 3):
        own.save_best(epoch, state(epoch))
    assert [own.load_best(epoch) is not None for epoch in (2, 3, 7, 9)] == [
        True,
        True,
        False,
        False,
    ]


def test_runs_that_nobody_takes_up_are_removed_after_a_month() -> None:
    saved(1)
    old = FOLDER.parent / "old"
    old.mkdir()
    then = time.time() - 31 * 86400
    os.utime(old, (then, then))
    checkpoints.prune(FOLDER.parent)
    assert FOLDER.is_dir()
    assert not old.exists()


def test_removing_leaves_nothing() -> None:
    own = saved(1, 2)
    own.remove()
    assert not FOLDER.exists()
    own.remove()
