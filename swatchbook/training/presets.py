"""Training recipes by name: the tutorial's, and the rows of Microsoft's accuracy guide.

A recipe is a set of options for ``dvc exp run``, so that an experiment's parameters hold all that
it stands for.
"""

import json
from dataclasses import dataclass

from swatchbook.base.errors import ParamsError, did_you_mean

Steps = tuple[tuple[float, int], ...]


@dataclass(frozen=True)
class Preset:
    """A recipe: ``schedule`` holds pairs of a learning rate per minibatch and its epochs."""

    architecture: str
    resolution: int
    minibatch: int
    schedule: Steps
    advice: str


# how the originals trained, whatever our own defaults are
BEGINNING = {
    "head": "random", "batch_norm": "train", "optimizer": "sgd", "weight_decay": 0.0005,
    "dropout": 0.5, "balance": "none", "refit": "false",
}  # fmt: skip

# The guide printed 82.6, 90.2, 87.5 and 92.8 % for its rows (mean of three unpublished sets)
PRESETS = {
    "tutorial": Preset(
        "resnet18", 224, 16, ((0.01, 20), (0.001, 20), (0.0001, 5)), "the tutorial's 45 epochs"
    ),
    "guide_fast": Preset(
        "resnet18", 224, 32, ((0.05, 7), (0.005, 7), (0.0005, 1)), "a first look: time 1"
    ),
    "guide_high_resolution": Preset(
        "resnet18", 500, 16, ((0.025, 7), (0.0025, 7), (0.00025, 1)), "small details: time 2 to 5"
    ),
    "guide_deep": Preset(
        "resnet50", 224, 16, ((0.025, 7), (0.0025, 7), (0.00025, 1)),
        "a larger network: time 2 to 5",
    ),
    "guide_best": Preset(
        "resnet50", 500, 8, ((0.01, 7), (0.001, 7), (0.0001, 1)), "both: time 5 to 15"
    ),
}  # fmt: skip


def options(name: str) -> str:
    """The ``-S`` options for ``dvc exp run`` that make an experiment of a preset.

    Raises:
        ParamsError: where there is no such preset.
    """
    if name not in PRESETS:
        raise ParamsError(
            f"presets: {name!r} is not known.{did_you_mean(name, PRESETS)} "
            f"Known: {', '.join(PRESETS)}"
        )
    preset = PRESETS[name]
    schedule = json.dumps(preset.schedule, separators=(",", ":"))
    values = {
        "mode": "refine",
        **BEGINNING,
        "architecture": preset.architecture,
        "resolution": preset.resolution,
        "minibatch": preset.minibatch,
        "schedule": schedule,
    }
    return " ".join(f"-S refine_dnn.{key}={value}" for key, value in values.items())


def listing() -> str:
    """All presets, a line each."""
    return "\n".join(
        f"{name:22} {preset.architecture}, {preset.resolution} px, minibatch {preset.minibatch}, "
        f"{' then '.join(f'{rate:g} × {epochs}' for rate, epochs in preset.schedule)}: "
        f"{preset.advice}"
        for name, preset in PRESETS.items()
    )
