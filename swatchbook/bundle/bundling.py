"""Making the bundle: merged, held against what was measured, and only then put in place."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from swatchbook.base import files
from swatchbook.base.errors import DataError, ImageRefused, NetworkError
from swatchbook.bundle import abstention, golden, model_file, parameters, predictor, provenance
from swatchbook.bundle.golden import Golden
from swatchbook.bundle.model_file import Bundle
from swatchbook.bundle.predictor import Predictor
from swatchbook.images import store
from swatchbook.images.frame import Frame
from swatchbook.project import models, params, tables
from swatchbook.project.paths import MODEL
from swatchbook.project.shared_keys import DataSet

# sections of params.yaml that shape the model
SECTIONS = ("acquire", "dedupe", "split", "refine_dnn", "featurize", "train_classifier")
# images of the test part that the verification takes at most; of these by plain ONNX Runtime
_MOST, _MOST_BARE = 1000, 32
# as predictions.csv has nine digits, and engines in float32 differ by a few millionths
_SAME, _OTHER_ENGINE = 1e-5, 1e-3


@dataclass(frozen=True)
class Verified:
    """How a bundle did on test images.

    ``difference`` is the largest of a probability to predictions.csv; ``agreement`` the share of
    ``bare`` images that plain ONNX Runtime (float32) gives the same class.
    """

    images: int
    difference: float
    bare: int
    agreement: float


def make(folder: Path = MODEL.parent) -> tuple[Bundle, Verified, int]:
    """Make ``model.onnx`` and its golden images in ``folder`` from the pipeline's results.

    Returns it, how it was verified, and the number of golden images. What was there before stays
    where anything is wrong.

    Raises:
        NetworkError: where it doesn't give the probabilities of predictions.csv.
        DataError: where a table is missing, or images can't be read.
    """
    settings = params.load(parameters.Bundle)
    predictions = tables.PREDICTIONS.read()
    built = _built(predictions, settings.threshold)
    test = predictions[predictions["subset"] == tables.TEST].reset_index(drop=True)
    chosen = golden.choose(test, settings.golden_images)
    if not chosen:
        raise DataError(
            "bundle: no test image is predicted rightly: there is nothing to deploy; "
            "`swatchbook doctor` and plots/evaluate may say why"
        )
    at_work = Predictor.here(built, built.precision)
    verified = _verified(at_work, test)
    goldens, contents = _goldens(at_work, test.iloc[chosen])

    models.save(built.content, folder / MODEL.name)
    golden.write(folder / golden.FOLDER.name, built.digest, contents, goldens)
    return built, verified, len(goldens)


def sentence(made: Bundle, verified: Verified, goldens: int) -> str:
    """What was made, in words."""
    return (
        f"{len(made.content) / 1e6:.1f} MB, {len(made.labels)} classes, {made.precision}; "
        f"{verified.images} test images give the probabilities of {tables.PREDICTIONS.path}; "
        f"{goldens} golden images → {MODEL}"
    )


def _built(predictions: pd.DataFrame, threshold: float) -> Bundle:
    network, of_network = models.load(models.NETWORK, {"resolution", "resize", "door_version"})
    classifier, of_classifier = models.load(
        models.CLASSIFIER, {"labels", "kind", "network", "engine", "precision"}
    )
    if files.digest(network) != of_classifier["network"]:
        raise NetworkError(
            f"{models.CLASSIFIER}: made for another network than {models.NETWORK}; "
            "`dvc repro` makes them agree"
        )
    train = predictions[predictions["subset"] == tables.TRAIN]
    if train.empty:
        raise DataError(
            f"{tables.PREDICTIONS.path}: has no out-of-fold predictions; "
            "`dvc repro --force evaluate` makes them"
        )
    rules = abstention.rules(
        train["confidence"].to_numpy(),
        (train["predicted"] == train["label"]).to_numpy(),
        train["group"].to_numpy(str),
    )
    metadata = {
        **{key: of_network[key] for key in ("architecture", "mode")},
        **Frame.of(of_network).metadata,
        "features": of_network["features"],
        "door_version": of_network["door_version"],
        **of_classifier,
        "classifier": files.digest(classifier),
        "data_set": params.load(DataSet).data_set,
        "data": files.sha256(tables.SPLIT.path),
        "predictions": files.sha256(tables.PREDICTIONS.path),
        "parameters": provenance.parameters(params.read(), SECTIONS),
        "code": provenance.code(),
        "versions": json.dumps(provenance.versions()),
        "threshold": repr(threshold),
    }
    content = model_file.merged(network, classifier, metadata, rules)
    return Bundle(content, metadata, json.loads(metadata["labels"]), rules)


def _verified(at_work: Predictor, test: pd.DataFrame) -> Verified:
    names = tables.probability_columns(at_work.labels)
    if list(test.columns[-len(names) :]) != names:
        raise DataError(
            f"{tables.PREDICTIONS.path}: holds other classes than {models.CLASSIFIER}; "
            "`dvc repro` makes them agree"
        )
    rows = test.iloc[np.unique(np.linspace(0, len(test) - 1, _MOST).round().astype(int))]
    expected = rows[names].to_numpy()
    same = at_work.engine == at_work.bundle.metadata["engine"]
    tolerance = _SAME if same else _OTHER_ENGINE
    worst = 0.0
    for start in range(0, len(rows), at_work.batch):
        some = rows.iloc[start : start + at_work.batch]
        found = at_work(_pixels(at_work, some)).probabilities
        differences = np.abs(found - expected[start : start + at_work.batch]).max(axis=1)
        if not differences.max() <= tolerance:
            row = some.iloc[int(differences.argmax())]
            raise NetworkError(
                f"bundle: gives other probabilities than {tables.PREDICTIONS.path} for "
                f"{row['path']} (by {differences.max():.1e}, allowed {tolerance:.0e}); "
                "the old model was not replaced; `dvc repro` makes them agree"
            )
        worst = max(worst, float(differences.max()))
    few = rows.iloc[np.unique(np.linspace(0, len(rows) - 1, _MOST_BARE).round().astype(int))]
    plain = predictor.bare(at_work.bundle, _pixels(at_work, few)).argmax(axis=1)
    agreement = float((plain == few[names].to_numpy().argmax(axis=1)).mean())
    return Verified(len(rows), worst, len(few), agreement)


def _goldens(at_work: Predictor, rows: pd.DataFrame) -> tuple[list[Golden], dict[str, bytes]]:
    found: dict[str, list[list[float]]] = {}
    pixels = _pixels(at_work, rows)
    for precision in sorted({"float32", at_work.precision}):
        # float32 too: whoever deploys may lack what this machine has
        by = (
            at_work if precision == at_work.precision else Predictor.here(at_work.bundle, precision)
        )
        scores = [by(image[None]).probabilities[0] for image in pixels]
        found[precision] = [[round(float(p), 7) for p in row] for row in scores]
    goldens, contents = [], {}
    for number, (path, label) in enumerate(zip(rows["path"], rows["label"], strict=True)):
        name = Path(path).name
        contents[name] = Path(path).read_bytes()
        goldens.append(Golden(name, label, {key: rows[number] for key, rows in found.items()}))
    return goldens, contents


def _pixels(at_work: Predictor, rows: pd.DataFrame) -> np.ndarray:
    pixels = []
    for sha256, path in zip(rows["sha256"], rows["path"], strict=True):
        try:
            pixels.append(store.pixels(sha256, Path(path), at_work.frame))
        except ImageRefused as refused:
            raise DataError(
                f"bundle: {path}: {refused.reason}; `dvc pull data/images` brings the images"
            ) from None
    return np.stack(pixels)
