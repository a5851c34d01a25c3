"""Predictions of the test part by the classifier, beside those of the training part out of fold."""

import json

import numpy as np
import pandas as pd

from swatchbook.base.errors import DataError, NetworkError
from swatchbook.project import models, tables
from swatchbook.project.tables import Features


def predictions(features: Features, split: pd.DataFrame, held_out: pd.DataFrame) -> pd.DataFrame:
    """Rows of ``tables.PREDICTIONS`` by the classifier in ``models.CLASSIFIER``.

    ``split`` has the rows of ``tables.SPLIT``, ``held_out`` those of ``tables.OUT_OF_FOLD``.

    Raises:
        NetworkError: where the classifier was trained on other features.
        DataError: where no test image has features, or the tables are of other classes.
    """
    content, facts = models.load(models.CLASSIFIER, {"labels", *features.origin})
    for key, value in features.origin.items():
        if facts[key] != value:
            raise NetworkError(
                f"{models.CLASSIFIER}: trained on features of another {key} "
                f"({facts[key][:16]}, not {value[:16]}); `dvc repro` makes them agree"
            )
    classes: list[str] = json.loads(facts["labels"])
    names = tables.probability_columns(classes)
    rows, vectors = features.of(split[split["subset"] == tables.TEST])
    if rows.empty:
        raise DataError("evaluate: no test image has features; see data/unreadable.csv")
    test = pd.DataFrame(models.probabilities(content, vectors).astype(float), columns=names)
    test.insert(0, "sha256", rows["sha256"].to_numpy())
    if list(held_out.columns) != ["sha256", *names]:
        raise DataError(
            f"{tables.OUT_OF_FOLD.path}: holds other classes than {models.CLASSIFIER}; "
            "`dvc repro` makes them agree"
        )
    found = pd.concat([test, held_out], ignore_index=True)
    best = found[names].to_numpy()
    found["predicted"] = np.array(classes, dtype=object)[best.argmax(axis=1)]
    found["confidence"] = best.max(axis=1)
    shown = split.set_index("sha256")[["path", "label", "group", "subset"]]
    return found.join(shown, on="sha256").sort_values(["subset", "sha256"], ignore_index=True)
