"""A small training job: images of three classes, and parameters of a tiny network."""

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from support.pictures import encoded, texture
from swatchbook.base import files, machine
from swatchbook.images import store
from swatchbook.training import refining
from swatchbook.training.batches.minibatches import TrainingData
from swatchbook.training.checkpoints import Checkpoints
from swatchbook.training.job import Job
from swatchbook.training.loop import Run
from swatchbook.training.networks import architectures
from swatchbook.training.parameters import RefineDnn
from swatchbook.training.pytorch.parallel import Group
from swatchbook.training.pytorch.torch_learner import TorchLearner

CLASSES = ["blue", "green", "red"]


def training_images(count: int = 36, side: int = 40) -> pd.DataFrame:
    """Stored images of three classes in three folds: rows ``sha256, path, label, fold``."""
    rows = []
    for number in range(count):
        data = encoded(texture(number, number % 3, side))
        sha256 = files.digest(data)
        path = store.add(data, sha256, "png")
        rows.append((sha256, path.as_posix(), CLASSES[number % 3], number // 3 % 3))
    return pd.DataFrame(rows, columns=["sha256", "path", "label", "fold"])


# what the tests of the loop are about; the ways of our own defaults have tests of their own
_AS_THE_ORIGINALS = {
    "head": "random", "batch_norm": "train", "refit": False, "optimizer": "sgd",
    "weight_decay": 0.0005, "dropout": 0.5, "balance": "none",
}  # fmt: skip


def settings(**changes: Any) -> RefineDnn:
    return RefineDnn.model_validate(
        {
            "mode": "refine", "architecture": "timm:test_resnet", "pretrained": "none",
            "resolution": 32, "schedule": [[0.02, 4]], "minibatch": 8, "patience": 0,
            "precision": "float32", **_AS_THE_ORIGINALS, **changes,
        }
    )  # fmt: skip


def train_and_write() -> None:
    """Train the job described by the environment; write its curve and weights."""
    changes = json.loads(os.environ["CHANGES"])
    refined = refining.refine(Job(settings(**changes), training_images(), CLASSES))
    name = os.environ["NAME"]
    torch.save(refined.best, f"{name}.pt")
    Path(f"{name}.json").write_text(json.dumps(refined.progress.history))


def new_run(images: pd.DataFrame, chosen: RefineDnn, folder: Path = Path("run")) -> Run:
    learner = TorchLearner(architectures.refinable(chosen, 3), chosen, Group())
    data = TrainingData(images, CLASSES, chosen)
    return Run(learner, data, chosen, Checkpoints(folder), lambda _: None)


def train_in_child(images: pd.DataFrame, chosen: RefineDnn, folder: Path, often: bool) -> None:
    """What the killed process does: train from the last checkpoint on."""
    if often:
        machine.checkpoint_seconds = lambda: 0.0  # type: ignore[assignment]
    new_run(images, chosen, folder).fit()
