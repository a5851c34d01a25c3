"""What the service was unsure of, kept for a person to label: only where it was asked to.

Each image as it came, under its digest, in a folder that holds nothing else to be seen; beside
them ``.collected.csv`` says why. Any of it may be deleted at any time.
"""

import csv
import io
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from swatchbook.base import files
from swatchbook.base.errors import DataError, ImageRefused
from swatchbook.base.text import escaped
from swatchbook.images import formats
from swatchbook.prediction.predictions import NOT_SURE
from swatchbook.server.telemetry import Telemetry
from swatchbook.service.deployment import Deployed
from swatchbook.service.scoring import Score

LIST = ".collected.csv"
_HEAD = ("sha256", "time", "reason", "predicted", "confidence", "model")
MOST_BYTES = 2 * 2**30
_WAITING = 64


@dataclass(frozen=True)
class _Unsure:
    content: bytes
    predicted: str
    confidence: float
    model: str


class Collector:
    """Keeps up to ``most`` images (and MOST_BYTES) in ``folder``.

    Kept is what has a confidence below ``below``; None: below the threshold of the model that
    serves. Written by a thread of its own: no answer waits for a disk. Each image is counted:
    ``kept``, ``known`` (there already), ``full``, ``busy`` (more came than the disk takes) or
    ``failed``.

    Raises:
        DataError: the folder can't be written to.
    """

    def __init__(self, folder: Path, below: float | None, most: int, telemetry: Telemetry) -> None:
        self._folder = folder
        self._below = below
        self._most = most
        self._telemetry = telemetry
        self._waiting: queue.Queue[_Unsure | None] = queue.Queue(_WAITING)
        self._said = ""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            files.write_bytes(folder / ".tried", b"")
            (folder / ".tried").unlink()
            # what was deleted is not kept again
            self._known = self._listed()
            self._look()
        except OSError as error:
            raise DataError(
                f"--collect: {str(folder)!r} can't be written to: {error.strerror}; name another"
            ) from None
        self._thread = threading.Thread(target=self._work, name="collector", daemon=True)
        self._thread.start()

    def see(
        self, deployed: Deployed, contents: Sequence[bytes], scores: Sequence[Score | ImageRefused]
    ) -> None:
        """Keep those that it is unsure of; comes back at once."""
        bundle = deployed.predictor.bundle
        below = bundle.threshold if self._below is None else self._below
        if not below:
            self._say(
                "nothing is kept: this model answers always; set bundle.threshold, or "
                "--collect-below"
            )
        for content, score in zip(contents, scores, strict=True):
            if isinstance(score, ImageRefused):
                continue
            best = int(score.probabilities.argmax())
            confidence = float(score.probabilities[best])
            if confidence >= below:
                continue
            try:
                self._waiting.put_nowait(
                    _Unsure(content, deployed.predictor.labels[best], confidence, bundle.digest)
                )
            except queue.Full:
                self._telemetry.collected("busy")

    def close(self) -> None:
        """Write what waits, and end."""
        self._waiting.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (one := self._waiting.get()) is not None:
            try:
                outcome = self._kept(one)
            except OSError as error:
                outcome = "failed"
                self._say(f"can't write to {self._folder}: {error.strerror}")
            self._telemetry.collected(outcome)

    def _kept(self, one: _Unsure) -> str:
        sha256 = files.digest(one.content)
        if sha256 in self._known:
            return "known"
        if self._is_full(one):
            self._look()  # some may have been deleted
        if self._is_full(one):
            self._say(f"{self._folder} is full: {self._images} images; delete some, or all")
            return "full"
        name = f"{sha256}.{formats.extension_of(one.content)}"
        files.write_bytes(self._folder / name, one.content)
        self._add_row(sha256, one)
        self._known.add(sha256)
        self._images += 1
        self._bytes += len(one.content)
        return "kept"

    def _is_full(self, one: _Unsure) -> bool:
        return self._images >= self._most or self._bytes + len(one.content) > MOST_BYTES

    def _look(self) -> None:
        sizes = [
            path.stat().st_size
            for path in self._folder.iterdir()
            if not path.name.startswith(".") and path.is_file()
        ]
        self._images, self._bytes = len(sizes), sum(sizes)

    def _listed(self) -> set[str]:
        path = self._folder / LIST
        if not path.exists():
            return set()
        with path.open(encoding="utf-8", newline="") as file:
            return {row[0] for row in csv.reader(file) if row}

    def _add_row(self, sha256: str, one: _Unsure) -> None:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        path = self._folder / LIST
        if not path.exists():
            writer.writerow(_HEAD)
        row = (
            sha256,
            datetime.now(UTC).isoformat(timespec="seconds"),
            NOT_SURE,
            escaped(one.predicted),
            f"{one.confidence:.6f}",
            one.model,
        )
        writer.writerow(row)
        # one write: a row is there, or not
        with path.open("ab", buffering=0) as file:
            file.write(out.getvalue().encode())

    def _say(self, text: str) -> None:
        """Once, not for each image."""
        if text != self._said:
            self._telemetry.write("collect", why=text)
            self._said = text
