"""``swatchbook learning-curve``: would more images help?"""

import json
import math
from pathlib import Path

import click
import numpy as np
import pandas as pd
from tqdm import tqdm

from swatchbook import figures, learning_curve, params, splitting, stage, tables
from swatchbook.errors import DataError
from swatchbook.learning_curve import Curve, Outlook

PLOTS = Path("plots")


@click.command("learning-curve")
@click.option("--repeats", default=3, type=click.IntRange(1, 100), help="Draws of each share.")
@click.option("--seed", default=0, type=click.IntRange(0), help="Seed of all chance.")
def command(repeats: int, seed: int) -> None:
    """Say whether more images would help, from features that are there.

    Trains the classifier of params.yaml on ever more of the training part, by grouped
    cross-validation; the test part is not looked at.
    """
    settings = params.load()
    if settings.refine_dnn.mode == "refine":
        raise DataError(
            "learning-curve: a refined network has seen the labels of all its training images; "
            "set refine_dnn.mode: fixed, and `dvc repro`"
        )
    features, split = tables.read_features(), tables.SPLIT.read()
    train = split[split["subset"] == splitting.TRAIN].set_index("sha256")
    chosen = [number for number, sha256 in enumerate(features.sha256) if sha256 in train.index]
    rows = train.loc[[features.sha256[number] for number in chosen]]
    folds = rows["fold"].to_numpy()
    bar = tqdm(total=learning_curve.steps(folds, repeats), unit="fit", leave=False, disable=None)
    with bar:
        curve = learning_curve.measure(
            features.vectors[chosen], rows["label"].to_numpy(str), folds,
            rows["group"].to_numpy(str), settings.train_classifier, _strength(), repeats, seed,
            bar.update,
        )  # fmt: skip
    evaluate = settings.evaluate
    found = learning_curve.outlook(curve, evaluate.confidence, evaluate.resamples, seed)
    names = sorted(set(curve.labels))
    points = pd.DataFrame(curve.errors(), columns=[f"error_{name}" for name in names])
    points.insert(0, "class_average_error", points.mean(axis=1))
    points.insert(0, "images_per_class", curve.images)
    figures.write_points(points, PLOTS / "learning_curve.csv")
    _draw(curve, found, PLOTS / "learning_curve.png")
    click.echo(f"learning-curve: {sentence(curve, found)} → {PLOTS / 'learning_curve.png'}")


def sentence(curve: Curve, found: Outlook) -> str:
    """The answer in words."""
    estimate, low, high = (100 * value for value in found.doubling)
    text = (
        f"with twice the images ({curve.now:.0f} more a class) expect {estimate:.1f} points fewer "
        f"errors ({low:.1f} to {high:.1f})"
    )
    if math.isfinite(found.for_a_point[0]):
        few, least, most = found.for_a_point
        between = f"{least:.0f} to {most:.0f}"
        if not math.isfinite(most):
            between = f"{least:.0f} or more, perhaps no number would do"
        text += f"; one point takes about {few:.0f} more a class ({between})"
    else:
        text += "; one point is not to be had by more of such images"
    if found.helped_by > 0.001:
        text += f"; {found.helped!r} gains most, {100 * found.helped_by:.1f} points"
    return text


def _strength() -> float:
    path = stage.metrics_path("train_classifier")
    try:
        return float(json.loads(path.read_text())["C"])
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; `dvc repro` makes it") from None


def _draw(curve: Curve, found: Outlook, path: Path) -> None:
    figure, (axes,) = figures.blank(1, 7, 4.5)
    for number, (name, errors) in enumerate(
        zip(sorted(set(curve.labels)), curve.errors().T, strict=True)
    ):
        colour = figures.COLOURS[(number + 1) % len(figures.COLOURS)]
        axes.plot(curve.images, 100 * errors, "o-", color=colour, alpha=0.5, label=name)
    mean = 100 * curve.errors().mean(axis=1)
    axes.plot(curve.images, mean, "o", color=figures.COLOURS[0], label="class average")
    ahead = np.geomspace(curve.images[0], 4 * curve.images[-1], 100)
    axes.plot(ahead, [100 * found.law(n) for n in ahead], "--", color=figures.COLOURS[0])
    axes.axvline(curve.now, color=figures.GREY, linestyle=":", label="now")
    axes.set(
        xscale="log", xlabel="training images an average class has", ylabel="error, %",
        ylim=(0, None),
    )  # fmt: skip
    axes.legend()
    figures.save(figure, path)
