"""A refinement from a table of labelled images to a trained network.

Chooses the engine and how many processes train, keeps what a run needs to be taken up again, and
draws its curves. ``torchrun`` starts each of several processes as a module of this name.
"""

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from swatchbook.base import files, machine, terminal
from swatchbook.base.errors import OutOfMemory, SwatchbookError, TrainingError
from swatchbook.project.tables import Selection
from swatchbook.training import checkpoints, probing, schedules, training_curves
from swatchbook.training.batches.minibatches import TrainingData
from swatchbook.training.checkpoints import Checkpoints
from swatchbook.training.cntk.learner import CntkLearner
from swatchbook.training.job import Job
from swatchbook.training.learner import Learner
from swatchbook.training.loop import Run
from swatchbook.training.networks import architectures, network_export
from swatchbook.training.networks.architectures import Refinable
from swatchbook.training.parameters import RefineDnn
from swatchbook.training.progress import Again, Progress
from swatchbook.training.pytorch import parallel, torch_learner
from swatchbook.training.pytorch.parallel import Group
from swatchbook.training.pytorch.torch_learner import TorchLearner

# validation images on which the exported network must agree
_SAMPLES = 8


@dataclass(frozen=True)
class Refined:
    """The weights ``best`` of a run, and how they came about.

    ``progress`` and ``data`` are those of the run that chose the epoch. Where a second one has
    trained on all images, ``chosen`` are the weights of the first: it had not seen those that are
    held out.
    """

    job: Job
    best: dict[str, Any]
    progress: Progress
    data: TrainingData
    chosen: dict[str, Any] | None = None

    def export(self, path: Path) -> dict[str, str]:
        """Write ``network.onnx`` after its parity check on validation images; its metadata."""
        settings, classes = self.job.settings, self.job.classes
        sample = self.data.sample(_SAMPLES)
        facts = network_export.refined_facts(
            settings, classes, self.progress.best, self.chosen is not None
        )
        if settings.engine == "cntk":
            with CntkLearner(settings, len(classes)) as learner:
                learner.load(self.best)
                return learner.export(sample, path, facts)
        return network_export.export(self.network(), settings, sample, path, facts)

    def network(self) -> Refinable:
        """The network in PyTorch, which trained it."""
        return self._with(self.best)

    def selection(self) -> Selection | None:
        """What the first of two runs says of all images; None where there was one run."""
        if self.chosen is None:
            return None
        with TorchLearner(self._with(self.chosen), self.job.settings, Group()) as learner:
            digests: list[str] = []
            found = []
            for validation in (False, True):
                for some, pixels, _ in self.data.as_they_are(probing.AT_ONCE, validation):
                    digests += some
                    found.append(probing.outputs(learner, pixels))
        vectors, logits = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return Selection(digests, vectors, logits)

    def _with(self, state: dict[str, Any]) -> Refinable:
        network = architectures.refinable(self.job.settings, len(self.job.classes))
        network.load_state_dict(state)
        return network


def refine(job: Job) -> Refined:
    """Train, or go on with, the network of ``job``; curves are written after every epoch.

    With ``refit`` it is trained a second time, on all images. A job that has been trained already
    isn't trained again.

    Raises:
        SwatchbookError: see ``Run.fit``, ``architectures.build`` and ``TrainingData``.
    """
    checkpoints.prune(job.folder.parent)
    settings = job.settings
    if settings.pretrained == "none" and settings.batch_norm == "frozen":
        print(
            "refine_dnn: batch_norm: frozen keeps the statistics of random weights (pretrained: "
            "none), which say nothing; train learns better",
            file=sys.stderr,
        )
    first = _trained(job)
    if not job.settings.refit:
        return first
    begin = Checkpoints(job.folder).load_begin()
    done = first.progress
    what = (
        f"epoch {done.best} is the best; once more on all {len(job.images)} images for as many"
        if done.best else
        f"no epoch is better than the beginning; its last layer learns from all {len(job.images)}"
    )  # fmt: skip
    print(f"refine_dnn: {what}", file=sys.stderr)
    strength = float(begin["strength"]) if begin else 0.0
    again = Again(done.best, strength, done.minibatch, done.rate_scale, done.threads)
    second = _trained(replace(job, again=again))
    return replace(first, best=second.best, chosen=first.best)


def _trained(job: Job) -> Refined:
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


def _nothing(_: Progress) -> None:
    """The second run has no curves of its own."""


def _draw(progress: Progress) -> None:
    """Write the curves of a run so far."""
    training_curves.write(progress.history, progress.best)


def _train_here(job: Job) -> TrainingData:
    # the network before the images: what can't be built should be said at once
    with new_learner(job.settings, len(job.classes)) as learner:
        data = job.data()
        probing.lay_down(job, learner, data)
        _train(job, learner, data, Group())
    return data


def _train(job: Job, learner: Learner, data: TrainingData, group: Group) -> None:
    # on a CPU processes that load would only take from the one that trains
    loaders = machine.loaders(machine.workers() if parallel.on_gpu() else 0)

    def announce(progress: Progress) -> None:
        _announce(job, learner, data, progress, group)

    part = group.rank, group.size
    own = Checkpoints(job.folder)
    layer = probing.laid_down(own, data) if job.settings.head == "probe" else None
    report = _nothing if job.again else _draw
    run = Run(
        learner, data, job.settings, own, report, part, loaders, announce, layer, job.again
    )  # fmt: skip
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
    whole = job.again.epochs if job.again else schedules.of(job.settings).epochs
    epochs = whole - progress.epoch
    if not epochs:
        return  # only a last layer, which is there already
    try:
        batch = next(data.minibatches(progress.epoch, 0, progress.minibatch))
        seconds = learner.seconds_per_image(batch)
    except OutOfMemory:
        return  # training meets it again and halves the minibatch
    settings = job.settings
    # a forward pass is about a third of a step: for validation, and before it for batch norm
    plain = data.plain_count if settings.batch_norm == "train" else 0
    again = settings.refit and job.again is None
    total = seconds * (shown + (held_out + plain) / 3) * epochs * (2 if again else 1)
    what = f"{epochs} epochs{', twice' if again else ''}"
    sooner = "" if job.again else "; early stopping may end it sooner"
    print(
        f"refine_dnn: no GPU is used: about {terminal.duration(total)} for {what} "
        f"({1 / seconds:.0f} images/s){sooner}",
        file=sys.stderr,
    )


def _locked(job: Job, what: str) -> Any:
    lock = machine.lock(f"training-{job.folder.name}-{what}")
    return files.locked(lock, "refine_dnn: this very training", wait=True)


def _train_in_processes(job: Job) -> TrainingData:
    network = architectures.refinable(job.settings, len(job.classes))
    data = job.data()
    _probe_apart(job, network, data)
    folder = job.folder
    settings = job.settings.model_dump_json()
    for name, text in (
        ("settings", settings), ("classes", json.dumps(job.classes)),
        ("again", json.dumps(asdict(job.again) if job.again else None)),
    ):  # fmt: skip
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


def _probe_apart(job: Job, network: Refinable, data: TrainingData) -> None:
    """Lay down the probe and leave nothing of it on a GPU that others will need."""
    if job.settings.head == "probe" and probing.laid_down(Checkpoints(job.folder), data) is None:
        with TorchLearner(network, job.settings, Group()) as learner:
            probing.lay_down(job, learner, data)
            learner.network.cpu()
        torch.cuda.empty_cache()


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
    again = json.loads((folder / "again.json").read_text())
    job = Job(settings, rows, classes, Again(**again) if again else None)
    group = parallel.join()
    try:
        with new_learner(settings, len(classes), group) as learner:
            _train(job, learner, job.data(), group)
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
