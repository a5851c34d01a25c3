"""Train, choose and calibrate the classifier: models/classifier.onnx."""

from dataclasses import asdict
from pathlib import Path

import pandas as pd

from swatchbook.classifiers import fitting, plots
from swatchbook.classifiers.parameters import TrainClassifier
from swatchbook.project import models, params, stage, tables

PLOTS = Path("plots/train_classifier")


def main() -> str:
    settings = params.load(TrainClassifier)
    fitted = fitting.fit(tables.read_features(), tables.SPLIT.read(), settings)
    trained = fitted.trained
    models.save(fitted.content, models.CLASSIFIER)
    tables.OUT_OF_FOLD.write(fitted.out_of_fold, tuple(tables.probability_columns(trained.classes)))
    trials = pd.DataFrame([asdict(trial) for trial in trained.trials])
    tables.write_points(trials, PLOTS / "regularization.csv")
    plots.regularization(trials, trained.C, PLOTS / "regularization.png")
    best = next(trial for trial in trained.trials if trial.C == trained.C)
    stage.write_metrics(
        "train_classifier",
        {
            "cv": best.class_average_accuracy,
            "cv_accuracy": best.accuracy,
            "cv_log_loss": fitted.log_loss,
            "C": trained.C,
            "temperature": trained.temperature,
            "training_images": fitted.images,
            "judged_images": len(fitted.out_of_fold),
        },
        ("cv",),
    )
    strength = f", C={trained.C:g}" if trained.C else ""
    where = "in cross-validation" if fitted.unseen is None else "on the validation fold"
    unfinished = f", {trained.unfinished} fits did not converge" if trained.unfinished else ""
    return (
        f"{settings.kind}{strength}: class-average accuracy "
        f"{best.class_average_accuracy:.3f} {where}{unfinished} → {models.CLASSIFIER}"
    )


if __name__ == "__main__":
    stage.run(main)
