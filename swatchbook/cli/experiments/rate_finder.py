"""Which learning rate to take: the loss while the rate rises from too low to too high.

A copy of the network of params.yaml is trained for at most 150 minibatches, and
plots/rate_finder.png is drawn; no output of a stage changes.
The method is the range test of L. N. Smith, "Cyclical Learning Rates for Training Neural
Networks" (WACV 2017).
"""

import math
import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pandas as pd
import torch
from tqdm import tqdm

from swatchbook.base import machine
from swatchbook.base.errors import TrainingError
from swatchbook.project import params, tables
from swatchbook.project.figures import COLOURS, GREY, blank, save
from swatchbook.project.tables import write_points
from swatchbook.training import probing, refining
from swatchbook.training.batches.minibatches import TrainingData
from swatchbook.training.job import Job
from swatchbook.training.learner import Learner
from swatchbook.training.parameters import RefineDnn

PLOTS = Path("plots")
_LOWEST, _HIGHEST = 1e-6, 10.0
_STEPS = 150
_MEMORY = 0.9
# a loss so many times the least one is lost
_LOST = 3.0


@dataclass(frozen=True)
class Trial:
    """Rates tried and the smoothed loss at each; ``suggested`` is a tenth of the best one."""

    rates: list[float]
    losses: list[float]

    @property
    def best(self) -> float:
        """The rate at which the loss was least."""
        return self.rates[self.losses.index(min(self.losses))]

    @property
    def suggested(self) -> float:
        """A rate well before the loss rises again, to one significant digit."""
        return float(f"{self.best / 10:.0e}")


def search(learner: Learner, data: TrainingData, steps: int = _STEPS) -> Trial:
    """Train at rates that rise geometrically, until the loss is lost or ``steps`` are done."""
    rates: list[float] = []
    losses: list[float] = []
    smoothed = 0.0
    batches = (
        batch for epoch in count() for batch in data.minibatches(epoch, 0, data.settings.minibatch)
    )
    bar = tqdm(range(steps), unit="step", disable=not sys.stderr.isatty())
    for step, batch in zip(bar, batches, strict=False):
        rate = _LOWEST * (_HIGHEST / _LOWEST) ** (step / (steps - 1))
        loss = learner.train(batch, rate)[0] / batch.total
        smoothed = _MEMORY * smoothed + (1 - _MEMORY) * loss
        current = smoothed / (1 - _MEMORY ** (step + 1))  # without the pull of the first 0
        if not math.isfinite(loss) or (losses and current > _LOST * min(losses)):
            break
        rates.append(rate)
        losses.append(current)
    if len(rates) < 2:
        raise TrainingError(
            "find-rate: the loss is no number from the first minibatches on; "
            "try refine_dnn.precision: float32"
        )
    return Trial(rates, losses)


def found() -> str:
    """Search with the parameters and the split of this project; what was found, as a line."""
    settings = params.load(RefineDnn)
    split = tables.SPLIT.read()
    train = split[split["subset"] == tables.TRAIN]
    classes = sorted(set(train["label"]))
    torch.set_num_threads(machine.workers())
    with refining.new_learner(settings, len(classes)) as learner:
        data = TrainingData(train, classes, settings)
        if settings.head == "probe":  # as training begins
            probe = probing.beginning(Job(settings, train, classes), learner, data)
            learner.begin_with(probe.weight, probe.bias)
        trial = search(learner, data)
    points = pd.DataFrame({"rate": trial.rates, "loss": trial.losses})
    write_points(points, PLOTS / "rate_finder.csv")
    _draw(trial, PLOTS / "rate_finder.png")
    of = "refine_dnn.rate" if settings.schedule == "cosine" else "first rate of refine_dnn.schedule"
    return (
        f"find-rate: the loss is least at {trial.best:.1g}; try {trial.suggested:g} as the "
        f"{of}, at minibatches of {settings.minibatch} → "
        f"{PLOTS / 'rate_finder.png'}"
    )


def _draw(trial: Trial, path: Path) -> None:
    figure, (axes,) = blank(1, 7, 4.5)
    axes.plot(trial.rates, trial.losses, color=COLOURS[0])
    axes.axvline(trial.best, color=GREY, linestyle=":", label=f"least loss: {trial.best:.1g}")
    axes.axvline(
        trial.suggested, color=COLOURS[1], linestyle="--", label=f"try: {trial.suggested:g}"
    )
    axes.set(xscale="log", xlabel="learning rate", ylabel="training loss (smoothed)")
    axes.legend()
    save(figure, path)
