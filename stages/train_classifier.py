"""Train, choose and calibrate the classifier: models/classifier.onnx."""

import json
from dataclasses import asdict
from pathlib import Path

import pandas as pd
from sklearn.metrics import log_loss

from swatchbook import (
    classifier_export,
    classifiers,
    curves,
    files,
    models,
    params,
    plots,
    splitting,
    stage,
    tables,
)
from swatchbook.errors import DataError

PLOTS = Path("plots/train_classifier")


def main() -> str:
    settings = params.load().train_classifier
    features = tables.read_features()
    split = tables.SPLIT.read()
    train = split[split["subset"] == splitting.TRAIN].set_index("sha256")
    chosen = [number for number, sha256 in enumerate(features.sha256) if sha256 in train.index]
    rows = train.loc[[features.sha256[number] for number in chosen]]
    # images that featurize could not read may have been the last of their class
    folds_of = rows.groupby("label")["fold"].nunique().reindex(sorted(set(train["label"])))
    if few := list(folds_of.index[~(folds_of >= 2)]):
        raise DataError(
            f"train_classifier: class {few[0]!r} has features in fewer than two folds; "
            f"see {tables.UNREADABLE.path}"
        )
    vectors = features.vectors[chosen]
    labels = rows["label"].to_numpy()
    trained = classifiers.train(vectors, labels, rows["fold"].to_numpy(), settings)

    model = classifier_export.to_onnx(trained, vectors.shape[1], settings.l2_normalize)
    facts = {
        "labels": json.dumps(trained.classes, ensure_ascii=False),
        "kind": settings.kind,
        "temperature": repr(trained.temperature),
        **features.origin,
    }
    content = models.serialize(model, facts)
    classifier_export.check_parity(content, trained, vectors, settings.l2_normalize)
    models.save(content, models.CLASSIFIER)

    names = [f"p_{name}" for name in trained.classes]
    held_out = pd.DataFrame(trained.out_of_fold, columns=names)
    held_out.insert(0, "sha256", rows.index)
    tables.OUT_OF_FOLD.write(held_out, tuple(names))
    trials = pd.DataFrame([asdict(trial) for trial in trained.trials])
    curves.write(trials, PLOTS / "regularization.csv")
    plots.regularization(trials, trained.C, PLOTS / "regularization.png")
    best = next(trial for trial in trained.trials if trial.C == trained.C)
    files.write_json(
        stage.metrics_path("train_classifier"),
        {
            "cross_validation": {
                "accuracy": best.accuracy,
                "class_average_accuracy": best.class_average_accuracy,
                "log_loss": float(log_loss(labels, trained.out_of_fold, labels=trained.classes)),
            },
            "C": trained.C,
            "temperature": trained.temperature,
            "training_images": len(rows),
        },
    )
    strength = f", C={trained.C:g}" if trained.C else ""
    unfinished = f", {trained.unfinished} fits did not converge" if trained.unfinished else ""
    return (
        f"{settings.kind}{strength}: class-average accuracy "
        f"{best.class_average_accuracy:.3f} in cross-validation{unfinished} → {models.CLASSIFIER}"
    )


if __name__ == "__main__":
    stage.run(main)
