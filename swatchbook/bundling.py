"""Making the bundle: merged, held against what was measured, and only then put in place."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from swatchbook import (
    abstention,
    bundle,
    files,
    golden,
    machine,
    models,
    params,
    predictor,
    provenance,
    splitting,
    store,
    tables,
)
from swatchbook.bundle import Bundle
from swatchbook.errors import DataError, ImageRefused, NetworkError
from swatchbook.golden import Golden
from swatchbook.params_schema import Params
from swatchbook.predictor import Predictor

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


def make(folder: Path = bundle.PATH.parent) -> tuple[Bundle, Verified, int]:
    """Make ``model.onnx`` and its golden images in ``folder`` from the pipeline's results.

    Returns it, how it was verified, and the number of golden images. What was there before stays
    where anything is wrong.

    Raises:
        NetworkError: where it doesn't give the probabilities of predictions.csv.
        DataError: where a table is missing, or images can't be read.
    """
    settings = params.load()
    predictions = tables.PREDICTIONS.read()
    built = _built(settings, predictions)
    test = predictions[predictions["subset"] == splitting.TEST].reset_index(drop=True)
    chosen = golden.choose(test, settings.bundle.golden_images)
    if not chosen:
        raise DataError("bundle: no test image is predicted rightly: there is nothing to deploy")
    at_work = _predictor(built, built.precision)
    verified = _verified(at_work, test)
    goldens, contents = _goldens(at_work, test.iloc[chosen])

    models.save(built.content, folder / bundle.PATH.name)
    golden.write(folder / golden.FOLDER.name, built.digest, contents, goldens)
    return built, verified, len(goldens)


def sentence(made: Bundle, verified: Verified, goldens: int) -> str:
    """What was made, in words."""
    return (
        f"{len(made.content) / 1e6:.1f} MB, {len(made.labels)} classes, {made.precision}; "
        f"{verified.images} test images give the probabilities of {tables.PREDICTIONS.path}; "
        f"{goldens} golden images → {bundle.PATH}"
    )


def _built(settings: Params, predictions: pd.DataFrame) -> Bundle:
    network, of_network = models.load(models.NETWORK, {"resolution", "resize", "door_version"})
    classifier, of_classifier = models.load(
        models.CLASSIFIER, {"labels", "kind", "network", "engine", "precision"}
    )
    if files.digest(network) != of_classifier["network"]:
        raise NetworkError(
            f"{models.CLASSIFIER}: made for another network than {models.NETWORK}; "
            "`dvc repro` makes them agree"
        )
    train = predictions[predictions["subset"] == splitting.TRAIN]
    if train.empty:
        raise DataError(f"{tables.PREDICTIONS.path}: has no out-of-fold predictions")
    rules = abstention.rules(
        train["confidence"].to_numpy(),
        (train["predicted"] == train["label"]).to_numpy(),
        train["group"].to_numpy(str),
    )
    metadata = {
        **{key: of_network[key] for key in ("architecture", "mode", "resolution", "resize")},
        "features": of_network["features"],
        "door_version": of_network["door_version"],
        **of_classifier,
        "classifier": files.digest(classifier),
        "data_set": settings.acquire.data_set,
        "data": files.sha256(tables.SPLIT.path),
        "predictions": files.sha256(tables.PREDICTIONS.path),
        "parameters": provenance.parameters(settings, SECTIONS),
        "code": provenance.code(),
        "versions": json.dumps(provenance.versions()),
    }
    content = bundle.merged(network, classifier, metadata, rules)
    return Bundle(content, metadata, json.loads(metadata["labels"]), rules)


def _predictor(built: Bundle, precision: str) -> Predictor:
    return Predictor(built, precision, machine.engine(), [machine.batch()], machine.workers())


def _verified(at_work: Predictor, test: pd.DataFrame) -> Verified:
    names = [f"p_{name}" for name in at_work.labels]
    if list(test.columns[-len(names) :]) != names:
        raise DataError(f"{tables.PREDICTIONS.path}: holds other classes than {models.CLASSIFIER}")
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
        by = at_work if precision == at_work.precision else _predictor(at_work.bundle, precision)
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
            pixels.append(store.pixels(sha256, Path(path), at_work.resolution, at_work.resize))
        except ImageRefused as refused:
            raise DataError(
                f"bundle: {path}: {refused.reason}; `dvc pull data/images` brings the images"
            ) from None
    return np.stack(pixels)
