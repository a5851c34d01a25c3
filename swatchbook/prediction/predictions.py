"""Predictions for any number of images, in order, with bounded memory.

Images are decoded in a sandbox while earlier ones run through the network. A bad image is a
prediction with a reason.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from swatchbook.acquisition.candidate import Candidate
from swatchbook.base import files
from swatchbook.base.errors import ImageRefused
from swatchbook.bundle.predictor import Predictor
from swatchbook.prediction.decoder import Decoder

OK, NOT_SURE, REFUSED = "ok", "not_sure", "refused"


if TYPE_CHECKING:
    from swatchbook.prediction.neighbours import Neighbours


@dataclass(frozen=True)
class Neighbour:
    """A training image: its digest, path and label, and the cosine ``similarity`` (1: alike)."""

    sha256: str
    path: str
    label: str
    similarity: float


@dataclass(frozen=True)
class Prediction:
    """What is said of one image.

    ``status`` is ``ok``; ``not_sure`` where the confidence is too low for an answer (``predicted``
    is empty then, ``top`` tells what it may be); or ``refused`` with a ``reason`` of
    ``limits.REASONS`` or of a download. ``top`` has labels and probabilities, the highest first.
    """

    path: str
    sha256: str
    status: str
    reason: str = ""
    predicted: str = ""
    confidence: float = 0.0
    top: list[tuple[str, float]] = field(default_factory=list)
    neighbours: list[Neighbour] = field(default_factory=list)


@dataclass(frozen=True)
class Wishes:
    """What to say of each image.

    ``top`` classes, the highest first; an answer at a confidence of ``threshold`` or more;
    so many nearest training images as ``evidence``.
    """

    top: int = 1
    threshold: float = 0.0
    evidence: int = 0


@dataclass(frozen=True)
class _Item:
    path: str
    sha256: str
    waiting: "Future[np.ndarray] | ImageRefused"


def predictions(
    candidates: Iterable[Candidate],
    predictor: Predictor,
    workers: int,
    wishes: Wishes,
    known: "Neighbours | None" = None,
    decoder: Decoder | None = None,
) -> Iterator[Prediction]:
    """One prediction for each candidate, in their order, as soon as it is there.

    ``known`` are the training images where ``wishes.evidence`` asks for some. ``decoder`` is used
    and left open; without one, processes are started and ended here.
    """
    ahead = 2 * workers * predictor.batch
    read: deque[_Item] = deque()
    running: deque[Future[list[Prediction]]] = deque()
    with (
        Decoder(workers, predictor.frame) if decoder is None else nullcontext(decoder) as at_work,
        ThreadPoolExecutor(workers) as pool,
    ):

        def start() -> None:
            some = [read.popleft() for _ in range(min(predictor.batch, len(read)))]
            running.append(pool.submit(_predicted, some, at_work, predictor, wishes, known))

        try:
            for candidate in candidates:
                read.append(_read(candidate, at_work))
                if len(read) >= ahead:
                    start()
                if len(running) > workers:
                    yield from running.popleft().result()
            while read:
                start()
            while running:
                yield from running.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def of_scores(
    path: str,
    sha256: str,
    probabilities: np.ndarray,
    labels: list[str],
    wishes: Wishes,
    neighbours: list[Neighbour],
) -> Prediction:
    """The prediction for one image by its ``probabilities (k,)``."""
    order = np.argsort(-probabilities, kind="stable")[: wishes.top]
    # float32 has no more digits than these
    top = [(labels[number], round(float(probabilities[number]), 8)) for number in order]
    best, confidence = top[0]
    if confidence < wishes.threshold:
        return Prediction(path, sha256, NOT_SURE, "", "", confidence, top, neighbours)
    return Prediction(path, sha256, OK, "", best, confidence, top, neighbours)


def _read(candidate: Candidate, decoder: Decoder) -> _Item:
    try:
        data = candidate.content()
    except ImageRefused as refused:
        return _Item(candidate.name, "", refused)
    return _Item(candidate.name, files.digest(data), decoder.submit(data))


def _predicted(
    items: list[_Item],
    decoder: Decoder,
    predictor: Predictor,
    wishes: Wishes,
    known: "Neighbours | None",
) -> list[Prediction]:
    pixels, refusals = [], {}
    for number, item in enumerate(items):
        try:
            if isinstance(item.waiting, ImageRefused):
                raise item.waiting
            pixels.append(item.waiting.result())
        except Exception as error:
            refusals[number] = decoder.refusal(error)
    rows: Iterator[tuple[np.ndarray, list[Neighbour]]] = iter(())
    if pixels:
        scored = predictor(np.stack(pixels))
        evidence: list[list[Neighbour]] = [[] for _ in pixels]
        if known and wishes.evidence:
            evidence = known.nearest(scored.features, wishes.evidence)
        rows = zip(scored.probabilities, evidence, strict=True)
    found = []
    for number, item in enumerate(items):
        if number in refusals:
            reason = refusals[number].reason
            found.append(Prediction(item.path, item.sha256, REFUSED, reason))
        else:
            of_image, nearest = next(rows)
            found.append(
                of_scores(item.path, item.sha256, of_image, predictor.labels, wishes, nearest)
            )
    return found
