"""How far a training run is, and what each of its epochs came to."""

from dataclasses import dataclass, field
from typing import Any

# of one epoch; None: there was no training before it, or no validation after it
Row = dict[str, Any]


@dataclass
class Progress:
    """How far a run is: ``epoch`` epochs and ``position`` images of the next one are done.

    ``loss`` and ``wrong`` are sums over those images; ``history`` has a row for each epoch.
    Row 0, where there is one, is the network before training, with the last layer it began with.
    ``best`` is the epoch with the lowest validation error, then loss; -1: none yet. The error is
    the class average where ``balance`` asks for classes that count alike.
    ``minibatch`` and ``rate_scale`` change where memory is short; ``rate`` was the last one.
    """

    minibatch: int
    epoch: int = 0
    position: int = 0
    seen: int = 0
    loss: float = 0.0
    wrong: float = 0.0
    rate: float = 0.0
    rate_scale: float = 1.0
    halvings: int = 0
    best: int = -1
    threads: int = 1
    history: list[Row] = field(default_factory=list)

    def row(self, epoch: int) -> Row:
        """The row of an epoch."""
        return next(row for row in self.history if row["epoch"] == epoch)


@dataclass(frozen=True)
class Again:
    """What a second run, on all images, has from the first one.

    ``epochs`` of the schedule, ``strength`` of the probe (0: the last layer began at random), and
    what may have changed on the way: minibatch, share of the rate, threads.
    """

    epochs: int
    strength: float
    minibatch: int
    rate_scale: float
    threads: int


def rank(row: Row, alike: bool) -> tuple[float, float]:
    """What makes an epoch better than another: its error (the mean of the classes' where they
    count ``alike``), then its loss."""
    error = row["validation_class_average_error" if alike else "validation_error"]
    # without validation there is nothing to choose by
    return error or 0.0, row["validation_loss"] or 0.0
