"""Checkpoints of training: whole or not there, the last two kept, in the machine's cache.

They stand outside the stage's outputs, which DVC removes before the stage runs. A checkpoint is
the SHA-256 of its content and the content, so one that was cut or altered is known and the one
before it is used.
"""

import contextlib
import io
import pickle
import shutil
import time
from pathlib import Path
from typing import Any

import torch

from swatchbook.base import files

_DIGEST = 64
_DAYS_KEPT = 30


class Checkpoints:
    """The checkpoints of one training run, in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._last = folder / "last.pt"
        self._previous = folder / "previous.pt"

    def save(self, state: dict[str, Any]) -> None:
        """Make ``state`` the last checkpoint, and the last one the previous."""
        content = _packed(state)
        if self._last.is_file():
            self._last.replace(self._previous)
        files.write_bytes(self._last, content)

    def load(self) -> dict[str, Any] | None:
        """The last checkpoint that is whole; None where there is none."""
        for path in (self._last, self._previous):
            if (state := _unpacked(path)) is not None:
                return state
        return None

    def save_best(self, epoch: int, state: dict[str, Any]) -> None:
        """Keep the network of ``epoch`` as the best so far, and the best one before it."""
        files.write_bytes(self._best(epoch), _packed(state))
        best = sorted(self.folder.glob("best-*.pt"))
        place = best.index(self._best(epoch))
        # the previous checkpoint may still name the one before; later ones are left over from a
        # run that was taken back
        for path in best[: max(0, place - 1)] + best[place + 1 :]:
            path.unlink()

    def finish(self, best: int, state: dict[str, Any]) -> None:
        """Keep the best network and ``state`` alone: an equal run has nothing left to train."""
        files.write_bytes(self._last, _packed(state))
        self._previous.unlink(missing_ok=True)
        for path in self.folder.glob("best-*.pt"):
            if path != self._best(best):
                path.unlink()

    def load_best(self, epoch: int) -> dict[str, Any] | None:
        """The network of ``epoch``, if it was kept and is whole."""
        return _unpacked(self._best(epoch))

    def save_begin(self, state: dict[str, Any]) -> None:
        """Keep what the run began with, for all of its processes and as long as it is kept."""
        files.write_bytes(self.folder / "begin.pt", _packed(state))

    def load_begin(self) -> dict[str, Any] | None:
        """What the run began with, if it was kept and is whole."""
        return _unpacked(self.folder / "begin.pt")

    def remove(self) -> None:
        """Remove all of them."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _best(self, epoch: int) -> Path:
        return self.folder / f"best-{epoch:05}.pt"


def prune(home: Path) -> None:
    """Remove runs in ``home`` that nobody has taken up for a month."""
    oldest = time.time() - _DAYS_KEPT * 86400
    for folder in home.glob("*/"):
        # another run may prune at the same time
        with contextlib.suppress(FileNotFoundError):
            if folder.stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)


def _packed(state: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    return files.digest(content).encode() + content


def _unpacked(path: Path) -> dict[str, Any] | None:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    content = data[_DIGEST:]
    if data[:_DIGEST] != files.digest(content).encode():
        return None
    try:
        state: dict[str, Any] = torch.load(
            io.BytesIO(content), map_location="cpu", weights_only=True
        )
    except (pickle.UnpicklingError, RuntimeError):
        return None  # of another version of PyTorch, or not made by this project
    return state
