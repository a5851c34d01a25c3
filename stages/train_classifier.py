"""Train, choose and calibrate the classifier: models/classifier.onnx."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss

from swatchbook import (
    classifier_export,
    classifiers,
    figures,
    files,
    models,
    params,
    plots,
    splitting,
    stage,
    tables,
)
from swatchbook.errors import DataError, NetworkError

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
    unseen, head = _network(settings.kind, features.origin, sorted(set(labels)))
    trained = classifiers.train(vectors, labels, rows["fold"].to_numpy(), settings, unseen, head)

    normalizes = classifiers.normalizes(settings)
    model = classifier_export.to_onnx(trained, vectors.shape[1], normalizes)
    facts = {
        "labels": json.dumps(trained.classes, ensure_ascii=False),
        "kind": settings.kind,
        "temperature": repr(trained.temperature),
        **features.origin,
    }
    content = models.serialize(model, facts)
    classifier_export.check_parity(content, trained, vectors, normalizes)
    models.save(content, models.CLASSIFIER)

    names = [f"p_{name}" for name in trained.classes]
    held_out = pd.DataFrame(trained.out_of_fold, columns=names)
    held_out.insert(0, "sha256", rows.index[trained.judged])
    tables.OUT_OF_FOLD.write(held_out, tuple(names))
    trials = pd.DataFrame([asdict(trial) for trial in trained.trials])
    figures.write_points(trials, PLOTS / "regularization.csv")
    plots.regularization(trials, trained.C, PLOTS / "regularization.png")
    best = next(trial for trial in trained.trials if trial.C == trained.C)
    files.write_json(
        stage.metrics_path("train_classifier"),
        {
            "cross_validation": {
                "accuracy": best.accuracy,
                "class_average_accuracy": best.class_average_accuracy,
                "log_loss": float(
                    log_loss(labels[trained.judged], trained.out_of_fold, labels=trained.classes)
                ),
            },
            "C": trained.C,
            "temperature": trained.temperature,
            "training_images": len(rows),
            "judged_images": len(held_out),
        },
    )
    strength = f", C={trained.C:g}" if trained.C else ""
    where = "in cross-validation" if unseen is None else "on the validation fold"
    unfinished = f", {trained.unfinished} fits did not converge" if trained.unfinished else ""
    return (
        f"{settings.kind}{strength}: class-average accuracy "
        f"{best.class_average_accuracy:.3f} {where}{unfinished} → {models.CLASSIFIER}"
    )


def _network(
    kind: str, origin: dict[str, str], classes: list[str]
) -> tuple[int | None, classifiers.Head | None]:
    """The fold that the network was not trained on (None: any), and its head for kind dnn."""
    content, facts = models.load(models.NETWORK, {"mode"})
    if files.digest(content) != origin["network"]:
        raise NetworkError(
            f"{tables.FEATURES_PATH}: made by another network than {models.NETWORK}; "
            "`dvc repro` makes them agree"
        )
    unseen = int(facts["validation_fold"]) if facts["mode"] == "refine" else None
    if kind != "dnn":
        return unseen, None
    layer = models.head(content)
    if layer is None or json.loads(facts.get("labels", "[]")) != classes:
        raise NetworkError(
            f"{models.NETWORK}: has no last layer for these classes; "
            "refine_dnn.mode: refine trains one"
        )
    return unseen, classifiers.Head(np.array(classes), *layer)


if __name__ == "__main__":
    stage.run(main)
