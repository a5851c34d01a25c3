"""The training loop: epochs, validation, the best epoch, checkpoints, and what can go wrong.

It drives a ``Learner`` (PyTorch here, or CNTK in its own Python) and knows nothing of either.
All chance is a function of the seed, the epoch and the place in it; so a run that was killed
goes on from its last checkpoint and ends with the same bits as one that was not.
"""

import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from tqdm import tqdm

from swatchbook import machine, schedules
from swatchbook.checkpoints import Checkpoints
from swatchbook.errors import OutOfMemory, TrainingError
from swatchbook.params import RefineDnn
from swatchbook.training_data import Batch, TrainingData

_MOST_HALVINGS = 3


class Learner(Protocol):
    """A network being trained: ``torch_learner`` and ``cntk.learner``."""

    def train_head_only(self) -> None: ...
    def unfreeze(self) -> None: ...
    def train(self, batch: Batch, rate: float) -> tuple[float, float]: ...
    def validate(self, pixels: torch.Tensor, labels: np.ndarray) -> tuple[float, float]: ...
    def state(self) -> dict[str, Any]: ...
    def load(self, state: dict[str, Any]) -> None: ...
    def network_state(self) -> dict[str, Any]: ...


@dataclass
class Progress:
    """How far a run is: ``epoch`` epochs and ``position`` images of the next one are done.

    ``loss`` and ``wrong`` are sums over those images; ``history`` has a row for each epoch.
    ``best`` is the epoch (from 1) with the lowest validation error, then loss; 0: none yet.
    ``minibatch`` and ``rate_scale`` change where memory is short.
    """

    minibatch: int
    epoch: int = 0
    position: int = 0
    seen: int = 0
    loss: float = 0.0
    wrong: float = 0.0
    rate_scale: float = 1.0
    halvings: int = 0
    best: int = 0
    threads: int = 1
    history: list[dict[str, float]] = field(default_factory=list)


Report = Callable[[Progress], None]


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
    ) -> None:
        """``report`` is called after each epoch; ``part`` is this process's number and of how many.

        Only the first process writes checkpoints and reports. ``loaders`` processes prepare the
        images of each.
        """
        self.loaders = loaders
        self.learner = learner
        self.data = data
        self.settings = settings
        self.checkpoints = checkpoints
        self.report = report
        self.part = part
        self.schedule = schedules.of(settings)
        self.progress = Progress(settings.minibatch, threads=machine.workers())
        self._stopping = threading.Event()
        self._saved = time.monotonic()

    def fit(self) -> Progress:
        """Train to the end, or from the last checkpoint on.

        The weights of the best epoch then stand in ``checkpoints.load_best(progress.best)``.

        Raises:
            TrainingError: where the loss is no number, or memory is short even after halving the
                minibatch three times. The last checkpoint stays.
            KeyboardInterrupt: after SIGINT or SIGTERM, with a checkpoint of this very step.
        """
        with self._stop_on_signals():
            if self.settings.unfreeze_after:
                self.learner.train_head_only()
            self._resume()
            while not self._ended():
                try:
                    self._one_epoch()
                except OutOfMemory as error:
                    self._halve_minibatch(error)
        return self.progress

    def _ended(self) -> bool:
        progress, patience = self.progress, self.settings.patience
        waited = progress.epoch - max(progress.best, self.settings.unfreeze_after)
        return progress.epoch >= self.schedule.epochs or 0 < patience <= waited

    def _one_epoch(self) -> None:
        progress = self.progress
        if progress.epoch >= self.settings.unfreeze_after > 0:
            self.learner.unfreeze()
        order = len(self.data.order(progress.epoch))
        started, before, rate = time.monotonic(), progress.position, 0.0
        bar = tqdm(
            total=order, initial=before, unit="image", leave=False,
            desc=f"epoch {progress.epoch + 1}/{self.schedule.epochs}",
            disable=not self._leads or not sys.stderr.isatty(),
        )  # fmt: skip
        batches = self.data.minibatches(
            progress.epoch, before, progress.minibatch, *self.part, self.loaders
        )
        with bar:
            for batch in batches:
                rate = self._step(batch, order)
                bar.update(batch.total)
        seconds = time.monotonic() - started
        self._finish_epoch(rate, (order - before) / max(seconds, 1e-9))

    def _step(self, batch: Batch, order: int) -> float:
        progress = self.progress
        share = progress.position / order
        rate = self.schedule.rate(progress.epoch + share) * progress.rate_scale
        loss, wrong = self.learner.train(batch, rate)
        if not math.isfinite(loss):
            raise self._diverged(loss, rate)
        progress.loss += loss
        progress.wrong += wrong
        progress.seen += batch.total
        progress.position += batch.total
        if self._stopping.is_set():
            self._save()
            raise KeyboardInterrupt
        if time.monotonic() - self._saved > machine.checkpoint_seconds():
            self._save()
        return rate

    def _finish_epoch(self, rate: float, speed: float) -> None:
        progress = self.progress
        loss, wrong, count = 0.0, 0.0, 0
        for pixels, labels in self.data.validation(progress.minibatch):
            sums = self.learner.validate(pixels, labels)
            loss, wrong, count = loss + sums[0], wrong + sums[1], count + len(labels)
        if not math.isfinite(loss):
            raise self._diverged(loss, rate)
        row = {
            "epoch": progress.epoch + 1,
            "rate": rate,
            "training_loss": progress.loss / progress.seen,
            "training_error": progress.wrong / progress.seen,
            "validation_loss": loss / count,
            "validation_error": wrong / count,
        }
        better = not progress.best or _rank(row) < _rank(progress.history[progress.best - 1])
        progress.history.append(row)
        progress.epoch += 1
        progress.position, progress.seen, progress.loss, progress.wrong = 0, 0, 0.0, 0.0
        if better:
            progress.best = progress.epoch
            if self._leads:
                self.checkpoints.save_best(progress.epoch, self.learner.network_state())
        self._save()
        if self._leads:
            self.report(progress)
            print(self._line(row, speed), file=sys.stderr, flush=True)

    def _line(self, row: dict[str, float], speed: float) -> str:
        images = len(self.data.order(0)) + len(self.data.validation_labels) / 3
        left = (self.schedule.epochs - self.progress.epoch) * images / max(speed, 1e-9)
        best = " (best)" if self.progress.best == self.progress.epoch else ""
        return (
            f"epoch {self.progress.epoch}/{self.schedule.epochs}: loss {row['training_loss']:.3f}, "
            f"error {row['training_error']:.1%}; validation loss {row['validation_loss']:.3f}, "
            f"error {row['validation_error']:.1%}{best}; rate {row['rate']:.2g}, "
            f"{speed:.0f} images/s, {duration(left)} left"
        )

    def _resume(self) -> None:
        state = self.checkpoints.load()
        if state is None:
            self._set_threads()
            self._save()
            return
        self.progress = Progress(**state["progress"])
        self._set_threads()
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
            self.checkpoints.save(
                {"progress": asdict(self.progress), "learner": self.learner.state()}
            )
        self._saved = time.monotonic()

    def _halve_minibatch(self, error: OutOfMemory) -> None:
        halvings, minibatch = self.progress.halvings + 1, self.progress.minibatch // 2
        if halvings > _MOST_HALVINGS or minibatch < 1 or self.part[1] > 1:
            raise OutOfMemory(
                f"refine_dnn.minibatch: {self.progress.minibatch} images at "
                f"{self.settings.resolution} px are too many for this device's memory even after "
                f"{self.progress.halvings} halvings; lower minibatch, resolution or architecture "
                f"({error})"
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

    def _diverged(self, loss: float, rate: float) -> TrainingError:
        return TrainingError(
            f"refine_dnn: the loss became {loss} in epoch {self.progress.epoch + 1} after "
            f"{self.progress.position} images at learning rate {rate:g}. Nothing was exported; the "
            f"checkpoint before it is in {self.checkpoints.folder}. Try a tenth of the rates in "
            "refine_dnn.schedule, a warm-up (schedule: cosine), or precision: float32"
        )

    @property
    def _leads(self) -> bool:
        return self.part[0] == 0

    @contextmanager
    def _stop_on_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {
            number: signal.signal(number, lambda *_: self._stopping.set())
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def duration(seconds: float) -> str:
    """A time for people: ``45 s``, ``12 min``, ``3.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _rank(row: dict[str, float]) -> tuple[float, float]:
    return row["validation_error"], row["validation_loss"]
