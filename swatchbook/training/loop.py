"""The training loop: epochs, validation, the best epoch, checkpoints, and what can go wrong.

It drives a ``Learner`` (PyTorch here, or CNTK in its own Python) and knows nothing of either.
All chance is a function of the seed, the epoch and the place in it; so a run that was killed
goes on from its last checkpoint and ends with the same bits as one that was not.
"""

import math
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from itertools import chain, islice
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from swatchbook.base import machine, terminal
from swatchbook.base.errors import OutOfMemory, TrainingError
from swatchbook.training import schedules
from swatchbook.training.batches.minibatches import Batch, TrainingData
from swatchbook.training.checkpoints import Checkpoints
from swatchbook.training.interruption import told_by_signals
from swatchbook.training.learner import Learner
from swatchbook.training.parameters import RefineDnn
from swatchbook.training.progress import Again, Progress, Row, rank

_MOST_HALVINGS = 3
_VALIDATED = ("validation_loss", "validation_error", "validation_class_average_error")


Report = Callable[[Progress], None]


def _nothing(_: Progress) -> None:
    pass


class Run:
    """One training run from its checkpoints to the best epoch's weights."""

    def __init__(
        self,
        learner: Learner,
        data: TrainingData,
        settings: RefineDnn,
        checkpoints: Checkpoints,
        report: Report,
        part: tuple[int, int] = (0, 1),
        loaders: int = 0,
        announce: Report = _nothing,
        begin: tuple[np.ndarray, np.ndarray] | None = None,
        again: Again | None = None,
    ) -> None:
        """``announce`` is called before the first epoch and ``report`` after each one.

        ``begin`` is the last layer to begin with. ``again``: train for so many epochs of the
        schedule and keep the last one; for data without validation.

        ``part`` is this process's number and of how many: only the first writes checkpoints and
        reports. ``loaders`` processes prepare the images of each.
        """
        self.loaders = loaders
        self.announce = announce
        self.learner = learner
        self.data = data
        self.settings = settings
        self.checkpoints = checkpoints
        self.report = report
        self.part = part
        self.begin = begin
        self.until = again.epochs if again else None
        self.schedule = schedules.of(settings)
        self.progress = Progress(settings.minibatch, threads=machine.workers())
        if again:
            self.progress = Progress(
                again.minibatch, rate_scale=again.rate_scale, threads=again.threads
            )
        self._stopping = threading.Event()
        self._saved = time.monotonic()

    def fit(self) -> Progress:
        """Train to the end, or from the last checkpoint on.

        The weights of the best epoch then stand in ``checkpoints.load_best(progress.best)``; the
        other checkpoints are gone.

        Raises:
            TrainingError: where the loss is no number, or memory is short even after halving the
                minibatch three times. The last checkpoint stays.
            KeyboardInterrupt: after SIGINT or SIGTERM, with a checkpoint of this very step.
        """
        with told_by_signals(self._stopping):
            if self.settings.unfreeze_after:
                self.learner.train_head_only()
            if self.begin:
                self.learner.begin_with(*self.begin)
            self._resume()
            if self._ended() and not self._unjudged:
                return self.progress
            if self._leads:
                self.announce(self.progress)
            while self._unjudged or not self._ended():
                try:
                    if self._unjudged:
                        self._judge_beginning()
                    else:
                        self._one_epoch()
                except OutOfMemory as error:
                    self._halve_minibatch(error)
            if self._stopping.is_set():
                raise KeyboardInterrupt
        if self._leads:
            self.checkpoints.finish(self.progress.best, self._state(None))
        return self.progress

    def _ended(self) -> bool:
        progress, patience = self.progress, self.settings.patience
        if self.until is not None:
            return progress.epoch >= self.until
        # the lower rates of a schedule are what brings the last points: they get their turn
        first = max(progress.best, self.settings.unfreeze_after, self.schedule.last_step)
        return progress.epoch >= self.schedule.epochs or 0 < patience <= progress.epoch - first

    @property
    def _unjudged(self) -> bool:
        """Whether the network as it begins is still to be judged."""
        return self.begin is not None and self.progress.best < 0

    def _judge_beginning(self) -> None:
        """The network as it begins is what every epoch must be better than."""
        validated = self._validated()
        if self._stopping.is_set():
            raise KeyboardInterrupt
        self.progress.best = 0
        self.progress.history.append(
            {"epoch": 0, "rate": 0.0, "training_loss": None, "training_error": None, **validated}
        )
        if self._leads:
            self.checkpoints.save_best(0, self.learner.network_state())
        self._save()
        if self._leads and self.until is None:
            self.report(self.progress)
            print(
                f"before training: validation loss {validated['validation_loss']:.3f}, error "
                f"{validated['validation_error']:.1%}",
                file=sys.stderr, flush=True,
            )  # fmt: skip

    def _one_epoch(self) -> None:
        progress = self.progress
        if progress.epoch >= self.settings.unfreeze_after > 0:
            self.learner.unfreeze()
        order = len(self.data.order(progress.epoch))
        started, before = time.monotonic(), progress.position
        bar = tqdm(
            total=order, initial=before, unit="image", leave=False,
            desc=f"epoch {progress.epoch + 1}/{self.until or self.schedule.epochs}",
            disable=not self._leads or not sys.stderr.isatty(),
        )  # fmt: skip
        batches = self.data.minibatches(
            progress.epoch, before, progress.minibatch, *self.part, self.loaders
        )
        with bar:
            for batch in batches:
                self._step(batch, order)
                bar.update(batch.total)
        seconds = time.monotonic() - started
        self._finish_epoch((progress.position - before) / max(seconds, 1e-9))

    def _step(self, batch: Batch, order: int) -> None:
        progress = self.progress
        share = progress.position / order
        progress.rate = self.schedule.rate(progress.epoch + share) * progress.rate_scale
        loss, wrong = self.learner.train(batch, progress.rate)
        if not math.isfinite(loss):
            raise self._diverged(loss)
        progress.loss += loss
        progress.wrong += wrong
        progress.seen += batch.total
        progress.position += batch.total
        if self._stopping.is_set():
            self._save_step()
            raise KeyboardInterrupt
        if time.monotonic() - self._saved > machine.checkpoint_seconds():
            self._save_step()

    def _save_step(self) -> None:
        """Save in the middle of an epoch, after a look at what the last step has done."""
        self._check_some()  # a checkpoint of such weights would replace the last good one
        self._save()

    def _check_some(self) -> None:
        """Raise TrainingError where a minibatch's outputs are no numbers."""
        held_out = (pixels for pixels, _ in self.data.validation(self.progress.minibatch))
        # where all are trained on, some of these
        for pixels in islice(chain(held_out, self.data.plain(self.progress.minibatch)), 1):
            total = float(self.learner.logits(pixels).sum())
            if not math.isfinite(total):
                raise self._diverged(total)

    def _judged(self, pixels: torch.Tensor, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Loss and error ``(m,)`` of each validation image."""
        logits, truth = self.learner.logits(pixels), torch.from_numpy(labels)
        losses = torch.nn.functional.cross_entropy(logits, truth, reduction="none")
        return losses.double().numpy(), (logits.argmax(1) != truth).double().numpy()

    def _finish_epoch(self, speed: float) -> None:
        progress = self.progress
        # those of augmented images would not do for images as they are
        self.learner.settle(self.data.plain(progress.minibatch, *self.part))
        row: Row = {
            "epoch": progress.epoch + 1,
            "rate": progress.rate,
            "training_loss": progress.loss / progress.seen,
            "training_error": progress.wrong / progress.seen,
            **self._validated(),
        }
        if self._stopping.is_set():
            self._save()
            raise KeyboardInterrupt
        alike = self.settings.balance != "none"
        better = progress.best < 0 or rank(row, alike) < rank(progress.row(progress.best), alike)
        progress.history.append(row)
        progress.epoch += 1
        progress.position, progress.seen, progress.loss, progress.wrong = 0, 0, 0.0, 0.0
        if better or self.until is not None:
            progress.best = progress.epoch
            if self._leads:
                self.checkpoints.save_best(progress.epoch, self.learner.network_state())
        self._save()
        if self._leads:
            self.report(progress)
            print(self._line(row, speed), file=sys.stderr, flush=True)

    def _validated(self) -> Row:
        """Loss and errors on the validation images; None of each where there are none."""
        judged = []
        for pixels, labels in self.data.validation(self.progress.minibatch):
            judged.append(self._judged(pixels, labels))
            if not np.isfinite(judged[-1][0]).all():
                raise self._diverged(float(judged[-1][0].sum()))
            if self._stopping.is_set():
                break
        if not judged:
            self._check_some()
            return dict.fromkeys(_VALIDATED)
        losses, wrong = (np.concatenate(parts) for parts in zip(*judged, strict=True))
        truth = self.data.validation_labels[: len(wrong)]
        average = np.mean([wrong[truth == label].mean() for label in np.unique(truth)])
        values = float(losses.mean()), float(wrong.mean()), float(average)
        return dict(zip(_VALIDATED, values, strict=True))

    def _line(self, row: Row, speed: float) -> str:
        images = len(self.data.order(0)) + len(self.data.validation_labels) / 3
        last = self.schedule.epochs if self.until is None else self.until
        left = (last - self.progress.epoch) * images / max(speed, 1e-9)
        # an epoch that was taken up after its last image has no speed
        pace = f", {speed:.0f} images/s, {terminal.duration(left)} left" if speed else ""
        trained = f"loss {row['training_loss']:.3f}, error {row['training_error']:.1%}"
        if self.until is not None:
            return f"all images, epoch {self.progress.epoch}/{self.until}: {trained}{pace}"
        best = " (best)" if self.progress.best == self.progress.epoch else ""
        return (
            f"epoch {self.progress.epoch}/{self.schedule.epochs}: {trained}; validation loss "
            f"{row['validation_loss']:.3f}, error {row['validation_error']:.1%}{best}; rate "
            f"{row['rate']:.2g}{pace}"
        )

    def _resume(self) -> None:
        state = self.checkpoints.load()
        # one process, late to look, must not find what another has already begun with
        self.learner.wait_for_all()
        if state is not None and state["images"] != self.data.digest:
            if self._leads:
                print(
                    "refine_dnn: other images can be read than before; trains from the start",
                    file=sys.stderr,
                )
            state = None
        if state is None:
            self._set_threads()
            self._save()
            return
        self.progress = Progress(**state["progress"])
        self._set_threads()
        if state["learner"] is None:
            return  # it had come to its end
        self.learner.load(state["learner"])
        if self._leads and (self.progress.epoch or self.progress.position):
            print(
                f"refine_dnn: goes on after epoch {self.progress.epoch} and "
                f"{self.progress.position} images",
                file=sys.stderr,
            )

    def _set_threads(self) -> None:
        # another number of threads adds up in another order: the last bits would differ
        torch.set_num_threads(max(1, self.progress.threads // self.part[1]))

    def _save(self) -> None:
        if self._leads:
            self.checkpoints.save(self._state(self.learner.state()))
        self._saved = time.monotonic()

    def _state(self, learner: dict[str, Any] | None) -> dict[str, Any]:
        progress = asdict(self.progress)
        return {"progress": progress, "learner": learner, "images": self.data.digest}

    def _halve_minibatch(self, error: OutOfMemory) -> None:
        halvings, minibatch = self.progress.halvings + 1, self.progress.minibatch // 2
        # batch norm needs two images; and several processes can't agree on where they failed
        if halvings > _MOST_HALVINGS or minibatch < 2 or self.part[1] > 1:
            raise OutOfMemory(
                f"refine_dnn.minibatch: {self.progress.minibatch} images at "
                f"{self.settings.resolution} px are too many for this device's memory after "
                f"{self.progress.halvings} halvings; lower minibatch or resolution, or take a "
                f"smaller architecture ({error})"
            ) from None
        scale = self.progress.rate_scale / 2
        # the step that failed may have left half an update behind
        state = self.checkpoints.load()
        assert state is not None
        self.progress = Progress(**state["progress"])
        self.learner.load(state["learner"])
        self.progress.halvings, self.progress.minibatch = halvings, minibatch
        self.progress.rate_scale = scale
        self._save()
        print(
            f"refine_dnn: out of memory; goes on with minibatches of {minibatch} images and "
            f"{scale:g} of the learning rate",
            file=sys.stderr,
        )

    def _diverged(self, loss: float) -> TrainingError:
        where = f"epoch {self.progress.epoch + 1} after {self.progress.position} images"
        return TrainingError(
            f"refine_dnn: the loss became {loss} in {where} at learning rate "
            f"{self.progress.rate:g}. Nothing was exported; the checkpoint before it is in "
            f"{self.checkpoints.folder}. Try a tenth of the rates in refine_dnn.schedule, a "
            "warm-up (schedule: cosine), or precision: float32"
        )

    @property
    def _leads(self) -> bool:
        return self.part[0] == 0
