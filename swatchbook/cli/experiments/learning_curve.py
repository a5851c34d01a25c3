"""``swatchbook learning-curve``: would more images help?"""

import click

from swatchbook.base.errors import DataError


@click.command("learning-curve")
@click.option("--repeats", default=3, type=click.IntRange(1, 100), help="Draws of each share.")
@click.option("--seed", default=0, type=click.IntRange(0), help="Seed of all chance.")
def command(repeats: int, seed: int) -> None:
    """Say whether more images would help, from features that are there.

    Trains the classifier of params.yaml on ever more of the training part, by grouped
    cross-validation; the test part is not looked at.
    """
    import pandas as pd
    from tqdm import tqdm

    from swatchbook.base import files
    from swatchbook.classifiers.parameters import TrainClassifier
    from swatchbook.evaluation.parameters import Evaluate
    from swatchbook.experiments import learning_curve, learning_curve_report
    from swatchbook.experiments.learning_curve_report import CURVE
    from swatchbook.project import params, tables
    from swatchbook.training.parameters import RefineDnn

    if params.load(RefineDnn).mode == "refine":
        raise DataError(
            "learning-curve: a refined network has seen the labels of all its training images; "
            "set refine_dnn.mode: fixed, and `dvc repro`"
        )
    features, split = tables.read_features(), tables.SPLIT.read()
    rows, vectors = features.of(split[split["subset"] == tables.TRAIN])
    folds = rows["fold"].to_numpy()
    bar = tqdm(total=learning_curve.steps(folds, repeats), unit="fit", leave=False, disable=None)
    with bar:
        curve = learning_curve.measure(
            vectors, rows["label"].to_numpy(str), folds,
            rows["group"].to_numpy(str), params.load(TrainClassifier), _strength(), repeats, seed,
            bar.update,
        )  # fmt: skip
    evaluate = params.load(Evaluate)
    found = learning_curve.outlook(curve, evaluate.confidence, evaluate.resamples, seed)
    names = sorted(set(curve.labels))
    points = pd.DataFrame(curve.errors(), columns=[f"error_{name}" for name in names])
    points.insert(0, "class_average_error", points.mean(axis=1))
    points.insert(0, "images_per_class", curve.images)
    tables.write_points(points, CURVE)
    of = {"of": files.md5(tables.SPLIT.path)}
    files.write_json(
        CURVE.with_suffix(".json"), {**learning_curve_report.facts(curve, found), **of}
    )
    picture = CURVE.with_suffix(".png")
    learning_curve_report.draw(curve, found, picture)
    click.echo(f"learning-curve: {learning_curve_report.sentence(curve, found)} → {picture}")


def _strength() -> float:
    from swatchbook.project import stage

    path = stage.metrics_path("train_classifier")
    try:
        return float(stage.metrics_of(path.read_text())["C"])
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; `dvc repro` makes it") from None
