"""Two processes train what one would."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from support import preloaded
from support.full import some_of
from support.project import ROOT

from swatchbook.training.pytorch.parallel import Group

pytestmark = pytest.mark.long

CODE = f"""
import sys
sys.path[:0] = {[str(ROOT / "tests"), str(ROOT)]!r}
from support.training import train_and_write
train_and_write()
"""


def environment_of(name: str, processes: int, changes: dict[str, Any]) -> dict[str, str]:
    return {
        **preloaded.inherited(),
        "SWATCHBOOK_PROCESSES": str(processes),
        "SWATCHBOOK_CACHE": str(Path.cwd() / name),
        "CHANGES": json.dumps(changes),
        "NAME": name,
    }


def train(name: str, processes: int, changes: dict[str, Any]) -> tuple[Any, Any, str]:
    own = environment_of(name, processes, changes)
    environment = {**own, "FOLDER": str(Path.cwd()), **preloaded.FIXED}
    environment["PATH"] = f"{preloaded.folder()}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        ["python", "-m", "support.training_job"], cwd=ROOT / "tests", env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    weights = torch.load(f"{name}.pt", weights_only=True)
    return json.loads(Path(f"{name}.json").read_text()), weights, done.stderr


@pytest.mark.parametrize(
    "changes",
    some_of(
        [
            {"schedule": [[0.01, 2]], "unfreeze_after": 1, "mixup": 0.3},
            # the default network; a random one of its depth carries a last bit to a large error
            {
                "schedule": [[0.0001, 1]],
                "architecture": "efficientnet_lite0",
                "pretrained": "imagenet",
                "resolution": 64,
                "minibatch": 12,
            },
        ],
        [
            {"schedule": [[0.01, 2]]},
            # as by default: a probe, frozen statistics, once more on all images
            {
                "schedule": [[0.0001, 2]],
                "head": "probe",
                "batch_norm": "frozen",
                "refit": True,
                "optimizer": "adamw",
                "dropout": 0.0,
            },
            # batch norm of timm
            {"schedule": [[0.01, 1]], "architecture": "timm:test_efficientnet"},
        ],
    ),
)
def test_two_processes_give_the_result_of_one(changes: dict[str, Any]) -> None:
    """Batch norm, dropout, augmentation, mixing, gradients and sums: all over both processes."""
    one, weights, _ = train("one", 1, changes)
    two, other, said = train("two", 2, changes)
    assert len(one) == len(two)
    for row, other_row in zip(one, two, strict=True):
        for key in ("training_loss", "validation_loss"):
            if row[key] is None:  # before training
                assert other_row[key] is None
                continue
            assert row[key] == pytest.approx(other_row[key], rel=2e-3)
    for name, item in weights.items():
        # of statistics around 10, some are near 0
        least = 2e-4 * max(1.0, float(item.abs().max()))
        assert torch.allclose(item.float(), other[name].float(), rtol=2e-2, atol=least), name
    assert said.count("\nepoch 1/") == 1  # one process reports


def test_an_error_in_a_process_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError) as found:
        train("bad", 2, {"schedule": [[1e30, 3]], "crop_scale": 1.0})
    said = str(found.value)
    assert "error: refine_dnn: the loss became" in said
    assert "one of 2 training processes failed" in said


def started(name: str) -> "tuple[subprocess.Popen[str], list[psutil.Process]]":
    """A long training by two processes in its second epoch, and the processes it started."""
    own = environment_of(name, 2, {"schedule": [[0.01, 400]]})
    environment = {**own, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", CODE], env=environment, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch 2/"):
            break
    return process, psutil.Process(process.pid).children(recursive=True)


def test_stopped_it_leaves_no_process_behind_and_can_be_taken_up() -> None:  # D05
    process, children = started("stopped")
    assert len(children) >= 3
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    assert list(Path("stopped").glob("training/*/last.pt"))


def test_killed_it_leaves_no_process_behind() -> None:
    process, children = started("killed")
    process.kill()
    process.communicate(timeout=60)
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive


def test_one_process_alone_needs_no_group() -> None:
    group = Group()
    assert group.leads
    assert group.summed([1.0, 2.0]) == [1.0, 2.0]
    network = torch.nn.Linear(2, 2)
    assert group.wrapped(network, torch.device("cpu")) is network
