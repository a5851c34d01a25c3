"""What a training run depends on: equal jobs share their checkpoints, so a killed one goes on."""

import json
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import pandas as pd
import torch

from swatchbook.base import caches, files, machine
from swatchbook.base.errors import NetworkError
from swatchbook.images import decoding
from swatchbook.training import schedules
from swatchbook.training.batches.minibatches import TrainingData
from swatchbook.training.parameters import RefineDnn
from swatchbook.training.progress import Again
from swatchbook.training.pytorch import parallel, torch_learner
from swatchbook.training.pytorch.parallel import Group

# raise it when training gives other bits: older checkpoints must not be taken up
_FORMAT = 3


@dataclass(frozen=True)
class Job:
    """What a run depends on: ``images`` has rows ``sha256, path, label, fold``.

    ``again``: train on all of them, as the run did that chose the epoch.
    """

    settings: RefineDnn
    images: pd.DataFrame
    classes: list[str]
    again: Again | None = None

    def data(self) -> TrainingData:
        """Its images, decoded. Raises DataError."""
        return TrainingData(self.images, self.classes, self.settings, self.again is None)

    @property
    def folder(self) -> Path:
        """Where its checkpoints are: equal jobs share it, so a killed one is taken up."""
        settings = self.settings
        pretrained = Path(settings.pretrained)
        facts = [
            _FORMAT,
            decoding.DOOR_VERSION,
            [metadata.version(name) for name in ("torch", "torchvision", "timm", "numpy")],
            settings.model_dump_json(),
            asdict(schedules.of(settings)),
            files.digest(pretrained.read_bytes()) if pretrained.is_file() else "",
            self.processes,
            self._arithmetic(),
            self.classes,
            self.images[["sha256", "label", "fold"]].to_numpy().tolist(),
            asdict(self.again) if self.again else None,
        ]
        digest = files.digest(json.dumps(facts).encode())
        return caches.folder(caches.TRAINING) / digest[:16]

    @property
    def processes(self) -> int:
        """How many processes train together.

        Raises:
            NetworkError: where a minibatch is too small for them.
        """
        if self.settings.engine == "cntk":
            return 1
        count = machine.processes(torch.cuda.device_count() if parallel.on_gpu() else 1)
        if 2 * count > max(self.settings.minibatch, 2):
            raise NetworkError(
                f"SWATCHBOOK_PROCESSES: {count} need at least two images each of "
                f"refine_dnn.minibatch, which is {self.settings.minibatch}"
            )
        return count

    def _arithmetic(self) -> str:
        if self.settings.engine == "cntk":
            return "float32"
        place = torch_learner.device(Group())
        return f"{place.type} {torch_learner.precision(self.settings.precision, place)}"
