"""A refinement from a table of labelled images to a trained network.

Chooses the engine and how many processes train, keeps what a run needs to be taken up again, and
draws its curves. ``torchrun … -m swatchbook.refining FOLDER`` is one of several processes.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from swatchbook import (
    checkpoints,
    files,
    images,
    machine,
    network_export,
    networks,
    parallel,
    training_curves,
)
from swatchbook.checkpoints import Checkpoints
from swatchbook.cntk.learner import CntkLearner
from swatchbook.errors import SwatchbookError, TrainingError
from swatchbook.finetuning import Progress, Run, duration
from swatchbook.networks import Refinable
from swatchbook.params import RefineDnn
from swatchbook.torch_learner import TorchLearner
from swatchbook.training_data import TrainingData

PLOTS = Path("plots/refine_dnn")
# raise it when training gives other bits: older checkpoints must not be taken up
_FORMAT = 1
# validation images on which the exported network must agree
_SAMPLES = 8


@dataclass(frozen=True)
class Job:
    """What a run depends on: ``images`` has rows ``sha256, path, label, fold``."""

    settings: RefineDnn
    images: pd.DataFrame
    classes: list[str]

    @property
    def folder(self) -> Path:
        """Where its checkpoints are: equal jobs share it, so a killed one is taken up."""
        pretrained = Path(self.settings.pretrained)
        facts = [
            _FORMAT,
            images.DOOR_VERSION,
            torch.__version__,
            self.settings.model_dump_json(),
            files.digest(pretrained.read_bytes()) if pretrained.is_file() else "",
            self.classes,
            self.images[["sha256", "label", "fold"]].to_numpy().tolist(),
        ]
        digest = files.digest(json.dumps(facts).encode())
        return machine.cache_folder() / "training" / digest[:16]


@dataclass(frozen=True)
class Refined:
    """The weights ``best`` of a run's best epoch, and how they came about."""

    job: Job
    best: dict[str, Any]
    progress: Progress
    data: TrainingData

    def export(self, path: Path) -> dict[str, str]:
        """Write ``network.onnx`` after its parity check on validation images; its metadata."""
        settings, classes = self.job.settings, self.job.classes
        sample = self.data.sample(_SAMPLES)
        facts = network_export.refined_facts(settings, classes, self.progress.best)
        if settings.engine == "cntk":
            with CntkLearner(settings, len(classes)) as learner:
                learner.load(self.best)
                return learner.export(sample, path, facts)
        return network_export.export(self.network(), settings, sample, path, facts)

    def network(self) -> Refinable:
        """The network in PyTorch, which trained it."""
        network = networks.refinable(self.job.settings, len(self.job.classes))
        network.load_state_dict(self.best)
        return network


def refine(job: Job) -> Refined:
    """Train, or go on with, the network of ``job``; curves are written after every epoch.

    Raises:
        SwatchbookError: see ``finetuning.Run.fit``, ``networks.build`` and ``TrainingData``.
    """
    checkpoints.prune(job.folder.parent)
    lock = machine.cache_folder() / "locks" / f"training-{job.folder.name}.lock"
    with files.locked(lock, "refine_dnn: this very training", wait=True):
        data = TrainingData(job.images, job.classes, job.settings)
        count = machine.processes(_gpus())
        if job.settings.engine == "cntk":
            _train_with_cntk(job, data)
        elif count == 1:
            _train(job, data, parallel.Group())
        else:
            _train_in(job, count)
        own = Checkpoints(job.folder)
        state = own.load()
        progress = Progress(**state["progress"]) if state else Progress(0)
        best = own.load_best(progress.best)
        if best is None:
            raise TrainingError(
                f"refine_dnn: the weights of epoch {progress.best} are gone from {own.folder}; "
                "`dvc repro` trains them again"
            )
    return Refined(job, best, progress, data)


def forget(job: Job) -> None:
    """Remove the checkpoints of ``job``: its result is saved."""
    Checkpoints(job.folder).remove()


def draw(progress: Progress) -> None:
    """Write the curves of a run so far."""
    training_curves.write(progress.history, progress.best, PLOTS)


def _train(job: Job, data: TrainingData, group: parallel.Group) -> None:
    settings = job.settings
    network = networks.refinable(settings, len(job.classes))
    learner = TorchLearner(network, settings, group)
    own = Checkpoints(job.folder)
    # on a CPU they would only take from it
    loaders = machine.loaders(machine.workers() if learner.device.type == "cuda" else 0)
    run = Run(learner, data, settings, own, draw, (group.rank, group.size), loaders)
    if group.leads:
        _announce(learner, data, run, settings)
    run.fit()


def _train_with_cntk(job: Job, data: TrainingData) -> None:
    with CntkLearner(job.settings, len(job.classes)) as learner:
        run = Run(learner, data, job.settings, Checkpoints(job.folder), draw)
        _say(data, "CNTK 2.7 on the CPU, float32")
        run.fit()


def _announce(learner: TorchLearner, data: TrainingData, run: Run, settings: RefineDnn) -> None:
    images = len(data.order(0))
    _say(data, f"{learner.device.type}, {learner.precision}")
    if learner.device.type == "cpu" and learner.group.size == 1:
        torch.set_num_threads(machine.workers())
        batch = next(data.minibatches(0, 0, settings.minibatch))
        if settings.unfreeze_after:
            learner.train_head_only()
        seconds = learner.seconds_per_image(batch)
        if settings.unfreeze_after:
            learner.unfreeze()
        # a forward pass is about a third of a step
        total = seconds * (images + len(data.validation_labels) / 3) * run.schedule.epochs
        print(
            f"refine_dnn: no GPU is used: about {duration(total)} for all "
            f"{run.schedule.epochs} epochs ({1 / seconds:.0f} images/s); early stopping may end "
            "it sooner",
            file=sys.stderr,
        )


def _say(data: TrainingData, where: str) -> None:
    print(
        f"refine_dnn: {len(data.order(0))} images an epoch, {len(data.validation_labels)} for "
        f"validation, {len(data.unreadable)} unreadable; {where}",
        file=sys.stderr,
    )


def _gpus() -> int:
    usable = machine.device() != "cpu" and torch.cuda.is_available()
    return max(1, torch.cuda.device_count()) if usable else 1


def _train_in(job: Job, count: int) -> None:
    folder = job.folder
    files.write_bytes(folder / "settings.json", job.settings.model_dump_json().encode())
    files.write_bytes(folder / "classes.json", json.dumps(job.classes).encode())
    with files.replacing(folder / "images.json") as temporary:
        job.images.to_json(temporary, orient="records")
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone",
        f"--nproc-per-node={count}", "-m", "swatchbook.refining", str(folder),
    ]  # fmt: skip
    environment = {"OMP_NUM_THREADS": str(max(1, machine.workers() // count)), **os.environ}
    done = subprocess.run(command, env=environment, check=False)
    if done.returncode == 130:
        raise KeyboardInterrupt
    if done.returncode:
        raise TrainingError(
            f"refine_dnn: one of {count} training processes failed; its message is above. "
            "SWATCHBOOK_PROCESSES=1 trains in one"
        )


def _main(folder: Path) -> int:
    """One of several processes: train the job that was laid down in ``folder``."""
    settings = RefineDnn.model_validate_json((folder / "settings.json").read_text())
    classes = json.loads((folder / "classes.json").read_text())
    rows = pd.DataFrame(json.loads((folder / "images.json").read_text()))
    job = Job(settings, rows, classes)
    group = parallel.join()
    try:
        _train(job, TrainingData(rows, classes, settings), group)
    except SwatchbookError as error:
        if group.leads:
            print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    finally:
        parallel.leave()
    return 0


if __name__ == "__main__":
    raise SystemExit(_main(Path(sys.argv[1])))
