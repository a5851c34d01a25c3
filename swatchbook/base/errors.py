"""Everything that a user can cause, as one tree. Each prints as one line and exits with code 2.

SwatchbookError
├── ParamsError      params.yaml, or a SWATCHBOOK_* setting of the machine
├── DataError        images, tables, annotations, test lists
├── NetworkError     architecture, weights, an ONNX file that can't be used or doesn't agree
├── TrainingError    training can't go on: its loss is no number
│   └── OutOfMemory  too little memory for a minibatch
├── SandboxError     no process that decodes images can be started
└── BusyError        another stage is at work in this project

ImageRefused         why one image can't be used: becomes a row of the manifest, never stops a stage
"""

import difflib
from collections.abc import Iterable


class SwatchbookError(Exception):
    """Base of all errors that a user can cause and mend."""


class ParamsError(SwatchbookError):
    """A value in params.yaml or in a SWATCHBOOK_* variable can't be used."""


class DataError(SwatchbookError):
    """Images, tables or annotations are missing, inconsistent or too few."""


class NetworkError(SwatchbookError):
    """A network or its weights are missing, unknown or don't reproduce their source."""


class TrainingError(SwatchbookError):
    """Training can't go on; what it had reached is kept."""


class OutOfMemory(TrainingError):
    """The device has too little memory for one minibatch."""


class SandboxError(SwatchbookError):
    """No process that decodes images can be started on this machine."""


class BusyError(SwatchbookError):
    """Another stage holds the lock of this project."""


class ImageRefused(Exception):
    """One image can't be used; ``reason`` is one of ``limits.REASONS``."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`` Did you mean 'resnet18'?`` for the nearest known word, or nothing."""
    nearest = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" Did you mean {nearest[0]!r}?" if nearest else ""


def first_line(error: BaseException) -> str:
    """What an error of others says, as one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
