"""A refinement from a table of labelled images to a trained network.

Chooses the engine and how many processes train, keeps what a run needs to be taken up again, and
draws its curves. ``torchrun`` starts each of several processes as a module of this name.
"""

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from swatchbook.base import caches, files, machine, terminal
from swatchbook.base.errors import NetworkError, OutOfMemory, SwatchbookError, TrainingError
from swatchbook.images import decoding
from swatchbook.training import checkpoints, schedules, training_curves
from swatchbook.training.batches.minibatches import TrainingData
from swatchbook.training.checkpoints import Checkpoints
from swatchbook.training.cntk.learner import CntkLearner
from swatchbook.training.loop import Learner, Progress, Run
from swatchbook.training.networks import architectures, network_export
from swatchbook.training.networks.architectures import Refinable
from swatchbook.training.parameters import RefineDnn
from swatchbook.training.pytorch import parallel, torch_learner
from swatchbook.training.pytorch.parallel import Group
from swatchbook.training.pytorch.torch_learner import TorchLearner

# raise it when training gives other bits: older checkpoints must not be taken up
_FORMAT = 2
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
        settings = self.settings
        pretrained = Path(settings.pretrained)
        facts = [
            _FORMAT,
            decoding.DOOR_VERSION,
            [metadata.version(name) for name in ("torch", "torchvision", "timm", "numpy")],
            settings.model_dump_json(),
            asdict(schedules.of(settings)),
            files.digest(pretrained.read_bytes()) if pretrained.is_file() else "",
            self.processes,
            self._arithmetic(),
            self.classes,
            self.images[["sha256", "label", "fold"]].to_numpy().tolist(),
        ]
        digest = files.digest(json.dumps(facts).encode())
        return caches.folder(caches.TRAINING) / digest[:16]

    @property
    def processes(self) -> int:
        """How many processes train together.

        Raises:
            NetworkError: where a minibatch is too small for them.
        """
        if self.settings.engine == "cntk":
            return 1
        count = machine.processes(torch.cuda.device_count() if parallel.on_gpu() else 1)
        if 2 * count > max(self.settings.minibatch, 2):
            raise NetworkError(
                f"SWATCHBOOK_PROCESSES: {count} need at least two images each of "
                f"refine_dnn.minibatch, which is {self.settings.minibatch}"
            )
        return count

    def _arithmetic(self) -> str:
        if self.settings.engine == "cntk":
            return "float32"
        place = torch_learner.device(Group())
        return f"{place.type} {torch_learner.precision(self.settings.precision, place)}"


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
        network = architectures.refinable(self.job.settings, len(self.job.classes))
        network.load_state_dict(self.best)
        return network


def refine(job: Job) -> Refined:
    """Train, or go on with, the network of ``job``; curves are written after every epoch.

    A job that has been trained already isn't trained again.

    Raises:
        SwatchbookError: see ``finetuning.Run.fit``, ``networks.build`` and ``TrainingData``.
    """
    checkpoints.prune(job.folder.parent)
    own = Checkpoints(job.folder)
    with _locked(job, "job"):
        for _ in range(2):
            data = _train_in_processes(job) if job.processes > 1 else _train_here(job)
            state = own.load()
            progress = Progress(**state["progress"]) if state else Progress(0)
            if (best := own.load_best(progress.best)) is not None:
                return Refined(job, best, progress, data)
            own.remove()  # damaged: only training again can help
    raise TrainingError(
        f"refine_dnn: the weights of epoch {progress.best} can't be read back from {own.folder}; "
        "is its disk full or failing?"
    )


def new_learner(settings: RefineDnn, classes: int, group: Group | None = None) -> Any:
    """The engine's learner of a new network, as a context.

    Raises:
        NetworkError: where the network, its weights, the device or CNTK is not to be had.
    """
    if settings.engine == "cntk":
        return CntkLearner(settings, classes)
    group = group or Group()
    torch_learner.precision(settings.precision, torch_learner.device(group))
    return TorchLearner(architectures.refinable(settings, classes), settings, group)


def _draw(progress: Progress) -> None:
    """Write the curves of a run so far."""
    training_curves.write(progress.history, progress.best)


def _train_here(job: Job) -> TrainingData:
    # the network before the images: what can't be built should be said at once
    with new_learner(job.settings, len(job.classes)) as learner:
        data = TrainingData(job.images, job.classes, job.settings)
        _train(job, learner, data, Group())
    return data


def _train(job: Job, learner: Learner, data: TrainingData, group: Group) -> None:
    # on a CPU processes that load would only take from the one that trains
    loaders = machine.loaders(machine.workers() if parallel.on_gpu() else 0)

    def announce(progress: Progress) -> None:
        _announce(job, learner, data, progress, group)

    part = group.rank, group.size
    own = Checkpoints(job.folder)
    run = Run(learner, data, job.settings, own, _draw, part, loaders, announce)
    if group.leads:
        # one that outlived its parent may still be writing
        with _locked(job, "writer"):
            run.fit()
    else:
        run.fit()


def _announce(
    job: Job, learner: Learner, data: TrainingData, progress: Progress, group: Group
) -> None:
    shown, held_out = len(data.order(0)), len(data.validation_labels)
    print(
        f"refine_dnn: {shown} images an epoch, {held_out} for validation, "
        f"{len(data.unreadable)} unreadable; {learner.description}",
        file=sys.stderr,
    )
    if group.size > 1 or (parallel.on_gpu() and job.settings.engine == "torch"):
        return
    epochs = schedules.of(job.settings).epochs - progress.epoch
    try:
        batch = next(data.minibatches(progress.epoch, 0, progress.minibatch))
        seconds = learner.seconds_per_image(batch)
    except OutOfMemory:
        return  # training meets it again and halves the minibatch
    # a forward pass is about a third of a step: for validation, and before it for batch norm
    total = seconds * (shown + (held_out + data.plain_count) / 3) * epochs
    print(
        f"refine_dnn: no GPU is used: about {terminal.duration(total)} for {epochs} epochs "
        f"({1 / seconds:.0f} images/s); early stopping may end it sooner",
        file=sys.stderr,
    )


def _locked(job: Job, what: str) -> Any:
    lock = machine.lock(f"training-{job.folder.name}-{what}")
    return files.locked(lock, "refine_dnn: this very training", wait=True)


def _train_in_processes(job: Job) -> TrainingData:
    architectures.build(job.settings)
    data = TrainingData(job.images, job.classes, job.settings)
    folder = job.folder
    settings = job.settings.model_dump_json()
    for name, text in (("settings", settings), ("classes", json.dumps(job.classes))):
        files.write_bytes(folder / f"{name}.json", text.encode())
    with files.replacing(folder / "images.json") as temporary:
        job.images.to_json(temporary, orient="records")
    command = [
        sys.executable,
        "-m",
        "swatchbook.training.refining",
        str(folder),
        str(job.processes),
    ]
    threads = str(max(1, machine.workers() // job.processes))
    # apart from this one's terminal: it is told to stop once, and writes its checkpoint
    process = subprocess.Popen(
        command, env={"OMP_NUM_THREADS": threads, **os.environ}, start_new_session=True
    )
    asked: list[int] = []

    def stop(number: int, _: object) -> None:
        asked.append(number)
        process.send_signal(signal.SIGTERM)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if asked:
        raise KeyboardInterrupt
    if code:
        raise TrainingError(
            f"refine_dnn: one of {job.processes} training processes failed; its message is above. "
            "SWATCHBOOK_PROCESSES=1 trains in one"
        )
    return data


def _launch(folder: str, count: str) -> None:
    """Be ``torchrun`` for ``count`` processes of the job laid down in ``folder``."""
    from torch.distributed import run

    parallel.end_with_parent()
    run.main(
        ["--standalone", f"--nproc-per-node={count}", "-m", "swatchbook.training.refining", folder]
    )


def _main(folder: Path) -> int:
    """One of several processes: train the job that was laid down in ``folder``."""
    parallel.end_with_parent()
    settings = RefineDnn.model_validate_json((folder / "settings.json").read_text())
    classes = json.loads((folder / "classes.json").read_text())
    rows = pd.DataFrame(json.loads((folder / "images.json").read_text()))
    job = Job(settings, rows, classes)
    group = parallel.join()
    try:
        with new_learner(settings, len(classes), group) as learner:
            _train(job, learner, TrainingData(rows, classes, settings), group)
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
    if sys.argv[2:]:
        _launch(*sys.argv[1:])
    else:
        raise SystemExit(_main(Path(sys.argv[1])))
