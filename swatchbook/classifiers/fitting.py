"""From features and a split to a calibrated classifier as ONNX, with what it did out of fold."""

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss

from swatchbook.base import files
from swatchbook.base.errors import DataError, NetworkError
from swatchbook.classifiers import classifier_export, estimators
from swatchbook.classifiers.estimators import Head, Trained
from swatchbook.classifiers.parameters import TrainClassifier
from swatchbook.project import models, tables
from swatchbook.project.tables import Features


@dataclass(frozen=True)
class Fitted:
    """A classifier.

    ``content`` is its ONNX file, ``out_of_fold`` has the rows of ``tables.OUT_OF_FOLD``, and
    ``log_loss`` is theirs. ``images`` were trained on; the network had not seen those of fold
    ``unseen`` (None: it was not trained).
    """

    trained: Trained
    content: bytes
    out_of_fold: pd.DataFrame
    log_loss: float
    images: int
    unseen: int | None


def fit(features: Features, split: pd.DataFrame, settings: TrainClassifier) -> Fitted:
    """Train, choose and calibrate on the training part of ``split``.

    Raises:
        DataError: where a class has features in fewer than two folds.
        NetworkError: where the features are of another network than ``models.NETWORK``, or the
            exported classifier doesn't give what was trained.
    """
    train = split[split["subset"] == tables.TRAIN]
    rows, vectors = features.of(train)
    # images that featurize could not read may have been the last of their class
    folds_of = rows.groupby("label")["fold"].nunique().reindex(sorted(set(train["label"])))
    if few := list(folds_of.index[~(folds_of >= 2)]):
        raise DataError(
            f"train_classifier: class {few[0]!r} has features in fewer than two folds; "
            f"see {tables.UNREADABLE.path}"
        )
    labels = rows["label"].to_numpy()
    unseen, head, refit = _network(settings.kind, features.origin, sorted(set(labels)))
    before = _before(list(rows.index), features.origin["network"]) if refit else None
    trained = estimators.train(
        vectors, labels, rows["fold"].to_numpy(), settings, unseen, head, before
    )

    normalizes = estimators.normalizes(settings)
    model = classifier_export.to_onnx(trained, vectors.shape[1], normalizes)
    facts = {
        "labels": json.dumps(trained.classes, ensure_ascii=False),
        "kind": settings.kind,
        "temperature": repr(trained.temperature),
        **features.origin,
    }
    content = models.serialize(model, facts)
    classifier_export.check_parity(content, trained, vectors, normalizes)

    names = tables.probability_columns(trained.classes)
    held_out = pd.DataFrame(trained.out_of_fold, columns=names)
    held_out.insert(0, "sha256", rows.index[trained.judged])
    loss = log_loss(labels[trained.judged], trained.out_of_fold, labels=trained.classes)
    return Fitted(trained, content, held_out, float(loss), len(rows), unseen)


def _before(digests: list[str], network: str) -> tuple[np.ndarray, np.ndarray]:
    """Features and logits of images by the network that had not seen the validation fold.

    Raises:
        DataError: where one of the images is missing, or it belongs to another network.
    """
    selection = tables.read_selection()
    if selection.network != network:
        raise DataError(
            f"{tables.SELECTION_PATH}: made beside another network than {models.NETWORK}; "
            "`dvc repro` makes them agree"
        )
    place = {sha256: number for number, sha256 in enumerate(selection.sha256)}
    if missing := [sha256 for sha256 in digests if sha256 not in place]:
        raise DataError(
            f"{tables.SELECTION_PATH}: lacks {len(missing)} training images, first "
            f"{missing[0][:16]}; `dvc repro refine_dnn` makes it anew"
        )
    order = [place[sha256] for sha256 in digests]
    return selection.vectors[order], selection.logits[order]


def _network(
    kind: str, origin: dict[str, str], classes: list[str]
) -> tuple[int | None, Head | None, bool]:
    """The fold that the network was not trained on (None: any), its head for kind dnn, and whether
    it was trained again on all folds."""
    content, facts = models.load(models.NETWORK, {"mode"})
    if files.digest(content) != origin["network"]:
        raise NetworkError(
            f"{tables.FEATURES_PATH}: made by another network than {models.NETWORK}; "
            "`dvc repro` makes them agree"
        )
    unseen = int(facts["validation_fold"]) if facts["mode"] == "refine" else None
    refit = facts.get("refit") == "true"
    if kind != "dnn":
        return unseen, None, refit
    layer = models.head(content)
    if layer is None or json.loads(facts.get("labels", "[]")) != classes:
        raise NetworkError(
            f"{models.NETWORK}: has no last layer for these classes; "
            "refine_dnn.mode: refine trains one"
        )
    return unseen, Head(np.array(classes), *layer), refit
