"""Minibatches of training images: what each epoch shows, changed at random, and as what label."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from swatchbook.base import files, machine
from swatchbook.base.chance import seed_of
from swatchbook.base.errors import DataError, ImageRefused
from swatchbook.images import store
from swatchbook.training.batches import decoded, sampling
from swatchbook.training.batches.augmentation import Augmentation, decoded_side
from swatchbook.training.batches.decoded import Decoded
from swatchbook.training.parameters import RefineDnn

# enough for statistics of hundreds of values an image
_PLAIN = 256


@dataclass(frozen=True)
class Batch:
    """One process's part of a minibatch.

    ``pixels (m, r, r, 3) uint8``, ``targets (m, classes) float32`` (each row sums to 1) and
    ``weights (m,) float32`` are the rows ``first, first + step, …`` of a minibatch of ``total``;
    ``seed`` is for what is drawn while it is trained on.
    """

    pixels: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor
    seed: int
    total: int
    first: int
    step: int


class TrainingData:
    """Training and validation images of a run, decoded once.

    Images are split by ``settings.validation_fold``; ``unreadable`` has the reasons of those
    left out.
    """

    def __init__(
        self,
        images: pd.DataFrame,
        classes: list[str],
        settings: RefineDnn,
        held_out: bool = True,
    ) -> None:
        """Take rows ``sha256, path, label, fold`` of the training part.

        Without ``held_out`` all of them are trained on, and there is no validation.

        Raises:
            DataError: where no image is left to train on, or to validate with.
        """
        self.settings = settings
        self.classes = classes
        workers = machine.workers()
        validates = (images["fold"] == settings.validation_fold) & held_out
        sides = {False: decoded_side(settings), True: settings.resolution}
        self._parts: dict[bool, tuple[Decoded, list[str], np.ndarray]] = {}
        self.unreadable: dict[str, str] = {}
        for part, side in sides.items():
            rows = images[validates == part]
            if rows.empty and (held_out or not part):
                raise DataError(
                    f"refine_dnn.validation_fold: {settings.validation_fold} leaves no image for "
                    f"{'validation' if part else 'training'}; take another fold, or fewer folds"
                )
            paths = {
                sha256: Path(path)
                for sha256, path in zip(rows["sha256"], rows["path"], strict=True)
            }
            found = decoded.decode(paths, replace(settings.frame, side=side), workers)
            self.unreadable |= found.unreadable
            rows = rows[~rows["sha256"].isin(found.unreadable)]
            if rows.empty and (held_out or not part):
                raise DataError(
                    f"refine_dnn: no image of the training part can be read for "
                    f"{'validation' if part else 'training'}; "
                    "`dvc pull data/images` or `dvc repro acquire` brings them"
                )
            labels = np.searchsorted(classes, rows["label"].to_numpy(str))
            self._parts[part] = found, list(rows["sha256"]), labels
        shown = images["sha256"].isin(self._parts[False][1])
        if missing := set(classes) - set(images.loc[shown, "label"]):
            raise DataError(
                f"refine_dnn: class {min(missing)!r} has no readable image to train on; "
                "`dvc pull data/images` or `dvc repro acquire` brings them"
            )
        self.labels = self._parts[False][2]
        self.validation_labels = self._parts[True][2]
        self.class_weights = sampling.class_weights(self.labels, len(classes), settings.balance)
        self._plain = self._decoded_plain(images)

    @property
    def digest(self) -> str:
        """Tells apart runs whose readable images are others."""
        return files.digest("".join(self._parts[False][1] + self._parts[True][1]).encode())

    def order(self, epoch: int) -> np.ndarray:
        """Indices of the training images that ``epoch`` shows, in order."""
        settings = self.settings
        return sampling.epoch_order(
            self.labels, settings.balance, settings.max_images, settings.seed, epoch
        )

    def minibatches(
        self, epoch: int, position: int, size: int, first: int = 0, step: int = 1, loaders: int = 0
    ) -> Iterator[Batch]:
        """The minibatches of ``epoch`` from the image at ``position`` on, of ``size`` images.

        A remainder of less than two images a process is left out: batch norm can't work on it.
        ``loaders`` processes prepare the images; 0: this one does.
        """
        order = self.order(epoch)
        least = min(size, 2 * step)
        starts = [
            start
            for start in range(position, len(order), size)
            if len(order) - start >= least or start == 0
        ]
        stops = [min(start + size, len(order)) for start in starts]
        own = [
            list(range(start + first, stop, step))
            for start, stop in zip(starts, stops, strict=True)
        ]
        loader = DataLoader(_Shown(self, epoch, order), batch_sampler=own, num_workers=loaders)
        for start, stop, (pixels, targets, weights) in zip(starts, stops, loader, strict=True):
            seed = seed_of(self.settings.seed, epoch, start)
            yield Batch(pixels, targets, weights, seed, stop - start, first, step)

    def validation(self, size: int) -> Iterator[tuple[torch.Tensor, np.ndarray]]:
        """The validation images, unchanged: ``(m, r, r, 3) uint8`` and labels ``(m,) int``."""
        found, digests, labels = self._parts[True]
        for start in range(0, len(digests), size):
            some = digests[start : start + size]
            pixels = np.stack([found.get(sha256) for sha256 in some])
            yield torch.from_numpy(pixels), labels[start : start + size]

    def as_they_are(
        self, size: int, validation: bool
    ) -> Iterator[tuple[list[str], torch.Tensor, np.ndarray]]:
        """All images of a part, unchanged: digests, ``(m, r, r, 3) uint8``, labels ``(m,) int``.

        Each is decoded now: what is looked at once is not worth a place in the cache. One whose
        file is gone or has changed since it was cached is left out, as featurize will list it.
        """
        found, digests, labels = self._parts[validation]
        frame = self.settings.frame

        def pixels_of(sha256: str) -> np.ndarray | None:
            if validation:
                return found.get(sha256)
            try:
                return store.pixels(sha256, found.paths[sha256], frame)
            except ImageRefused:
                return None

        bar = tqdm(
            total=len(digests), unit="image", desc="features", leave=False,
            disable=not sys.stderr.isatty(),
        )  # fmt: skip
        with bar, ThreadPoolExecutor(machine.workers()) as pool:
            for start in range(0, len(digests), size):
                some = digests[start : start + size]
                read = list(pool.map(pixels_of, some))
                there = [number for number, pixels in enumerate(read) if pixels is not None]
                bar.update(len(some))
                if there:
                    yield (
                        [some[number] for number in there],
                        torch.from_numpy(np.stack([p for p in read if p is not None])),
                        labels[start : start + size][there],
                    )

    @property
    def plain_count(self) -> int:
        """How many images ``plain`` yields."""
        return len(self._plain.paths)

    def plain(self, size: int, first: int = 0, step: int = 1) -> Iterator[torch.Tensor]:
        """Some training images, unchanged, as this process's parts of minibatches of ``size``.

        ``(m, r, r, 3) uint8``; a remainder is left out, so that all minibatches are alike.
        """
        digests = list(self._plain.paths)
        size = min(size, len(digests))
        for start in range(0, len(digests) - size + 1, size):
            some = digests[start : start + size][first::step]
            yield torch.from_numpy(np.stack([self._plain.get(sha256) for sha256 in some]))

    def sample(self, count: int) -> np.ndarray:
        """The first ``count`` validation images, ``(m, r, r, 3) uint8``."""
        found, digests, _ = self._parts[True]
        return np.stack([found.get(sha256) for sha256 in digests[:count]])

    def image(self, index: int) -> np.ndarray:
        """The decoded training image number ``index``: ``(side, side, 3) uint8``."""
        found, digests, _ = self._parts[False]
        return found.get(digests[index])

    def _decoded_plain(self, images: pd.DataFrame) -> Decoded:
        """The training images of ``plain``, as validation would show them."""
        digests, settings = self._parts[False][1], self.settings
        chosen = np.random.default_rng(settings.seed).permutation(digests)[:_PLAIN]
        path_of = dict(zip(images["sha256"], images["path"], strict=True))
        paths = {sha256: Path(path_of[sha256]) for sha256 in chosen.tolist()}
        return decoded.decode(paths, settings.frame, machine.workers())

    def target(self, index: int) -> np.ndarray:
        """The smoothed label of training image number ``index``: ``(classes,) float32``."""
        smoothing, count = self.settings.label_smoothing, len(self.classes)
        target = np.full(count, smoothing / count, np.float32)
        target[self.labels[index]] += 1 - smoothing
        return target


class _Shown(Dataset[tuple[torch.Tensor, np.ndarray, np.float32]]):
    """The images of one epoch by their place in it, changed at random.

    MixUp: Zhang et al., ICLR 2018.
    """

    def __init__(self, data: TrainingData, epoch: int, order: np.ndarray) -> None:
        self._data = data
        self._epoch = epoch
        self._order = order
        self._augmentation = Augmentation(data.settings)

    def __getitem__(self, place: int) -> tuple[torch.Tensor, np.ndarray, np.float32]:
        data, index = self._data, int(self._order[place])
        seed = seed_of(data.settings.seed, self._epoch, place)
        pixels = self._augmentation(data.image(index), seed)
        target, weight = data.target(index), data.class_weights[data.labels[index]]
        if not data.settings.mixup:
            return pixels, target, weight
        random = np.random.default_rng(seed)
        other = int(self._order[random.integers(len(self._order))])
        share = np.float32(random.beta(data.settings.mixup, data.settings.mixup))
        second = self._augmentation(data.image(other), seed_of(seed, 1))
        mixed = pixels.float() * float(share) + second.float() * float(1 - share)
        return (
            mixed.round().to(torch.uint8),
            share * target + (1 - share) * data.target(other),
            share * weight + (1 - share) * data.class_weights[data.labels[other]],
        )
