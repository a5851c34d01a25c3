"""Make the network that turns images into features, fixed or refined: models/network.onnx."""

from pathlib import Path

import numpy as np
import pandas as pd

from swatchbook import (
    files,
    models,
    network_export,
    networks,
    params,
    refining,
    splitting,
    stage,
    store,
    tables,
)
from swatchbook.cntk.learner import CntkLearner
from swatchbook.errors import DataError, ImageRefused
from swatchbook.finetuning import Progress
from swatchbook.params_schema import RefineDnn

_SAMPLES = 8


def main() -> str:
    settings = params.load().refine_dnn
    split = tables.SPLIT.read()
    train = split[split["subset"] == splitting.TRAIN]
    return _refined(train, settings) if settings.mode == "refine" else _fixed(train, settings)


def _fixed(train: pd.DataFrame, settings: RefineDnn) -> str:
    sample = _sample(dict(zip(train["sha256"], train["path"], strict=True)), settings)
    if settings.pretrained.endswith(".model"):
        with CntkLearner(settings, 0) as learner:
            facts = learner.export(sample, models.NETWORK)
    else:
        extractor = networks.build(settings)
        facts = network_export.export(extractor, settings, sample, models.NETWORK)
    refining.draw(Progress(settings.minibatch))  # DVC wants the curves of every run
    files.write_json(stage.metrics_path("refine_dnn"), {"mode": settings.mode})
    return (
        f"{facts['architecture']} ({facts['pretrained']}) at {settings.resolution} px, "
        f"{facts['features']} features, agrees with its source on {len(sample)} images "
        f"→ {models.NETWORK}"
    )


def _refined(train: pd.DataFrame, settings: RefineDnn) -> str:
    job = refining.Job(settings, train, sorted(set(train["label"])))
    refined = refining.refine(job)
    progress = refined.progress
    refining.draw(progress)
    facts = refined.export(models.NETWORK)
    best = progress.history[progress.best - 1]
    files.write_json(
        stage.metrics_path("refine_dnn"),
        {
            "mode": settings.mode,
            "epochs": progress.epoch,
            "best_epoch": progress.best,
            "minibatch": progress.minibatch,
            "unreadable": len(refined.data.unreadable),
            **{key: value for key, value in best.items() if key.endswith(("loss", "error"))},
        },
    )
    return (
        f"{facts['architecture']} ({facts['pretrained']}) at {settings.resolution} px, refined in "
        f"{progress.epoch} epochs, best {progress.best} with validation error "
        f"{best['validation_error']:.1%} → {models.NETWORK}, {refining.PLOTS}"
    )


def _sample(paths: dict[str, str], settings: RefineDnn) -> np.ndarray:
    """The first readable training images, ``(n, r, r, 3) uint8``."""
    found: list[np.ndarray] = []
    for sha256, path in paths.items():
        try:
            side, resize = settings.resolution, settings.resize
            found.append(store.pixels(sha256, Path(path), side, resize))
        except ImageRefused:
            continue  # featurize lists them with their reasons
        if len(found) == _SAMPLES:
            break
    if not found:
        raise DataError(
            "refine_dnn: no training image can be read; "
            "`dvc pull data/images` or `dvc repro acquire` brings them"
        )
    return np.stack(found)


if __name__ == "__main__":
    stage.run(main)
