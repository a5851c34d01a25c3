"""Make the network that turns images into features, fixed or refined: models/network.onnx."""

from pathlib import Path

import numpy as np
import pandas as pd

from swatchbook.base import collector, files
from swatchbook.base.errors import DataError, ImageRefused
from swatchbook.images import store
from swatchbook.project import models, params, stage, tables
from swatchbook.training import training_curves
from swatchbook.training.parameters import RefineDnn

_SAMPLES = 8


def main() -> str:
    settings = params.load(RefineDnn)
    split = tables.SPLIT.read()
    train = split[split["subset"] == tables.TRAIN]
    return _refined(train, settings) if settings.mode == "refine" else _fixed(train, settings)


def _fixed(train: pd.DataFrame, settings: RefineDnn) -> str:
    sample = _sample(dict(zip(train["sha256"], train["path"], strict=True)), settings)
    if settings.pretrained.endswith(".model"):
        from swatchbook.training.cntk.learner import CntkLearner

        with CntkLearner(settings, 0) as learner:
            facts = learner.export(sample, models.NETWORK)
    else:
        # a fixed network needs no trainer: it costs seconds to import
        with collector.paused():
            import torch

            from swatchbook.training.networks import architectures, network_export

        torch.set_num_threads(1)  # eight images: threads that wait would cost more than they do
        extractor = architectures.build(settings)
        facts = network_export.export(extractor, settings, sample, models.NETWORK)
    training_curves.write([], 0)  # DVC wants the curves of every run
    tables.write_selection(None)
    stage.write_metrics("refine_dnn", {"mode": settings.mode})
    return (
        f"{facts['architecture']} ({facts['pretrained']}) at {settings.resolution} px, "
        f"{facts['features']} features, agrees with its source on {len(sample)} images "
        f"→ {models.NETWORK}"
    )


def _refined(train: pd.DataFrame, settings: RefineDnn) -> str:
    from swatchbook.training import refining
    from swatchbook.training.job import Job

    job = Job(settings, train, sorted(set(train["label"])))
    refined = refining.refine(job)
    progress = refined.progress
    training_curves.write(progress.history, progress.best)
    selection = refined.selection()  # before the old network is replaced: it may fail
    facts = refined.export(models.NETWORK)
    tables.write_selection(selection, files.sha256(models.NETWORK))
    best = progress.row(progress.best)
    stage.write_metrics(
        "refine_dnn",
        {
            "mode": settings.mode,
            "epochs": progress.epoch,
            "best_epoch": progress.best,
            "minibatch": progress.minibatch,
            "unreadable": len(refined.data.unreadable),
            **{
                key: value
                for key, value in best.items()
                if key.endswith(("loss", "error")) and value is not None
            },
        },
    )
    gain = ""
    if progress.history[0]["epoch"] == 0:
        before = progress.history[0]["validation_error"]
        gain = (
            f" (before training {before:.1%})" if progress.best
            else ": none is better than the network as it was, which is kept"
        )  # fmt: skip
    return (
        f"{facts['architecture']} ({facts['pretrained']}) at {settings.resolution} px, refined in "
        f"{progress.epoch} epochs, best {progress.best} with validation error "
        f"{best['validation_error']:.1%}{gain} → {models.NETWORK}, {training_curves.FOLDER}"
    )


def _sample(paths: dict[str, str], settings: RefineDnn) -> np.ndarray:
    """The first readable training images, ``(n, r, r, 3) uint8``."""
    found: list[np.ndarray] = []
    for sha256, path in paths.items():
        try:
            found.append(store.pixels(sha256, Path(path), settings.frame))
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
