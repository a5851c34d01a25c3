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
from conftest import ROOT
from test_finetuning import CLASSES, settings, training_images

from swatchbook import refining
from swatchbook.parallel import Group
from swatchbook.refining import Job

CODE = f"""
import sys
sys.path[:0] = {[str(ROOT / "tests"), str(ROOT)]!r}
from test_parallel import result
result()
"""


def result() -> None:
    """Train the job described by the environment; write its curve and weights."""
    changes = json.loads(os.environ["CHANGES"])
    refined = refining.refine(Job(settings(**changes), training_images(), CLASSES))
    name = os.environ["NAME"]
    torch.save(refined.best, f"{name}.pt")
    Path(f"{name}.json").write_text(json.dumps(refined.progress.history))


def environment_of(name: str, processes: int, changes: dict[str, Any]) -> dict[str, str]:
    return {
        **os.environ,
        "SWATCHBOOK_PROCESSES": str(processes),
        "SWATCHBOOK_CACHE": str(Path.cwd() / name),
        "CHANGES": json.dumps(changes),
        "NAME": name,
        "PYTHONPATH": str(ROOT),
    }


def train(name: str, processes: int, changes: dict[str, Any]) -> tuple[Any, Any, str]:
    done = subprocess.run(
        [sys.executable, "-c", CODE], env=environment_of(name, processes, changes),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    weights = torch.load(f"{name}.pt", weights_only=True)
    return json.loads(Path(f"{name}.json").read_text()), weights, done.stderr


@pytest.mark.parametrize(
    "changes",
    [
        {"schedule": [[0.01, 2]]},
        {"schedule": [[0.01, 3]], "unfreeze_after": 1, "mixup": 0.3},
        {"schedule": [[0.01, 1]], "architecture": "timm:test_efficientnet"},  # batch norm of timm
    ],
)
def test_two_processes_give_the_result_of_one(changes: dict[str, Any]) -> None:
    """Batch norm, dropout, augmentation, mixing, gradients and sums: all over both processes."""
    one, weights, _ = train("one", 1, changes)
    two, other, said = train("two", 2, changes)
    assert len(one) == len(two)
    for row, other_row in zip(one, two, strict=True):
        for key in ("training_loss", "validation_loss"):
            assert row[key] == pytest.approx(other_row[key], rel=2e-3)
    for name, item in weights.items():
        assert torch.allclose(item.float(), other[name].float(), rtol=2e-2, atol=2e-4), name
    assert said.count("epoch 1/") == 1  # one process reports


def test_an_error_in_a_process_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError) as found:
        train("bad", 2, {"schedule": [[1e30, 3]], "crop_scale": 1.0})
    said = str(found.value)
    assert "error: refine_dnn: the loss became" in said
    assert "one of 2 training processes failed" in said


def started(name: str) -> "tuple[subprocess.Popen[str], list[psutil.Process]]":
    """A long training by two processes in its second epoch, and the processes it started."""
    environment = environment_of(name, 2, {"schedule": [[0.01, 400]]})
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
