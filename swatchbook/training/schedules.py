"""Learning rate over time: steps, or a cosine after a warm-up."""

import math
from dataclasses import dataclass

from swatchbook.training.parameters import RefineDnn
from swatchbook.training.presets import PRESETS, Steps


@dataclass(frozen=True)
class Schedule:
    """Learning rates per minibatch of a run of ``epochs`` epochs.

    ``steps`` holds pairs (rate, epochs); where it is empty the rate rises over ``warmup`` epochs
    to ``peak`` and falls to 0 along half a cosine (Loshchilov and Hutter, "SGDR", ICLR 2017).
    """

    epochs: int
    steps: Steps = ()
    peak: float = 0.0
    warmup: float = 0.0

    @property
    def last_step(self) -> int:
        """Epochs before the last rate of the steps; of a cosine none: it falls all the time."""
        return sum(epochs for _, epochs in self.steps[:-1])

    def rate(self, progress: float) -> float:
        """The learning rate after ``progress`` epochs, a whole number and a part."""
        if not self.steps:
            if progress < self.warmup:
                # from a tenth of the peak: the very first minibatch should move something
                return self.peak * (0.1 + 0.9 * progress / self.warmup)
            rest = (progress - self.warmup) / (self.epochs - self.warmup)
            return self.peak * 0.5 * (1 + math.cos(math.pi * min(1.0, rest)))
        for rate, epochs in self.steps:
            if progress < epochs:
                return rate
            progress -= epochs
        return self.steps[-1][0]


def of(settings: RefineDnn) -> Schedule:
    """The schedule that ``settings`` ask for."""
    chosen = settings.schedule
    if chosen == "cosine":
        return Schedule(settings.epochs, (), settings.rate, settings.warmup)
    steps: Steps = (
        PRESETS[chosen].schedule
        if isinstance(chosen, str)
        else tuple((rate, int(epochs)) for rate, epochs in chosen)
    )
    return Schedule(sum(epochs for _, epochs in steps), steps)
