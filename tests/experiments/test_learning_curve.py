"""Whether more images would help."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from swatchbook.classifiers.parameters import TrainClassifier
from swatchbook.cli import swatchbook
from swatchbook.experiments import learning_curve
from swatchbook.experiments.learning_curve import Curve, PowerLaw
from swatchbook.experiments.learning_curve_report import sentence
from swatchbook.project import tables
from swatchbook.project.tables import Features


def problem(count: int = 240, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Two overlapping classes in 20 dimensions: ``features, labels, folds, groups``."""
    random = np.random.default_rng(seed)
    labels = np.array(["a", "b"])[np.arange(count) % 2]
    features = random.normal(0, 1, (count, 20)).astype("f")
    features[labels == "b", :3] += 0.9
    return features, labels, np.arange(count) // 2 % 4, np.arange(count).astype(str)


def curve_of(*data: np.ndarray, repeats: int = 2, seed: int = 0) -> Curve:
    settings = TrainClassifier(l2_normalize=False)
    done: list[None] = []
    curve = learning_curve.measure(*data, settings, 0.1, repeats, seed, lambda: done.append(None))
    assert len(done) == learning_curve.steps(data[2], repeats)
    return curve


@pytest.mark.parametrize("law", [PowerLaw(0.05, 1.0, 0.5), PowerLaw(0.0, 0.8, 0.3)])
def test_a_power_law_is_found_again(law: PowerLaw) -> None:
    images = np.array([10.0, 20, 40, 80, 160, 320])
    found = learning_curve.fit(images, np.array([law(n) for n in images]))
    assert found(640) == pytest.approx(law(640), rel=0.02)
    assert found(found.images_for(0.3)) == pytest.approx(0.3)


def test_an_error_below_the_floor_is_not_to_be_had() -> None:
    assert PowerLaw(0.1, 1.0, 0.5).images_for(0.1) == float("inf")


def test_more_images_make_fewer_errors() -> None:
    curve = curve_of(*problem())
    assert curve.images[-1] == 90  # three folds of four, half of them of each class
    errors = curve.errors().mean(axis=1)
    assert errors[0] > errors[-1] + 0.05
    assert curve.right.shape == (6, 240)


def test_the_same_seed_gives_the_same_curve_and_another_seed_another() -> None:
    data = problem()
    first, again, other = (curve_of(*data, seed=seed).right for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()
    assert (first[-1] == other[-1]).all()  # all images are the same images


def test_labels_of_the_judged_fold_are_never_trained_on() -> None:
    features, labels, folds, groups = problem()
    rng = np.random.default_rng(1)
    chance = rng.permutation(labels)  # nothing to learn: seen labels would be remembered
    curve = curve_of(rng.normal(0, 1, (240, 400)).astype("f"), chance, folds, groups)
    assert 0.4 < curve.errors()[-1].mean() < 0.6
    assert features.shape == (240, 20)


def made_up(law: PowerLaw, count: int = 4000) -> Curve:
    """A curve whose errors fall as ``law`` says, class b's from higher."""
    random = np.random.default_rng(0)
    images = np.array([10.0, 20, 40, 80, 160, 320])
    labels = np.array(["a", "b"])[np.arange(count) % 2]
    luck = random.random(count)
    errors = np.array([law(n) for n in images])[:, None] * np.where(labels == "b", 1.5, 0.5)
    return Curve(images, (luck >= errors).astype(float), labels, np.arange(count).astype(str))


def test_the_interval_holds_what_is_true() -> None:
    law = PowerLaw(0.02, 1.5, 0.4)
    found = learning_curve.outlook(made_up(law), 0.95, 100, 0)
    estimate, low, high = found.doubling
    assert low <= law(2000) - law(4000) <= high
    assert low <= estimate <= high
    assert high - low < 0.02
    assert found.helped == "b"
    few, least, most = found.for_a_point
    assert least <= few <= most
    assert least <= law.images_for(law(2000) - 0.01) - 2000 <= most


def test_many_small_classes_have_an_interval_too() -> None:
    """Drawing groups from all classes at once would hardly ever draw one of each."""
    labels = np.repeat([f"{number:02}" for number in range(60)], 2)
    images = np.array([1.0, 2, 4, 8, 16, 32])
    right = np.random.default_rng(0).random((6, 120)) < np.linspace(0.2, 0.8, 6)[:, None]
    curve = Curve(images, right.astype(float), labels, np.arange(120).astype(str))
    _, low, high = learning_curve.outlook(curve, 0.95, 20, 0).doubling
    assert low <= high


def test_the_answer_is_one_sentence() -> None:
    curve = made_up(PowerLaw(0.02, 1.2, 0.5))
    text = sentence(curve, learning_curve.outlook(curve, 0.95, 50, 0))
    assert "with twice the images (2000 more a class) expect" in text
    assert "; one point takes about " in text
    assert "; 'b' gains most, " in text
    flat = made_up(PowerLaw(0.2, 0.0, 0.5))
    text = sentence(flat, learning_curve.outlook(flat, 0.95, 50, 0))
    assert "one point is not to be had by more of such images" in text
    assert "gains most" not in text


@pytest.fixture
def project() -> None:
    """What the command reads: features, a split, the chosen C."""
    features, labels, folds, groups = problem(120)
    names = [f"{number:064x}" for number in range(len(labels))]
    split = pd.DataFrame(
        {"sha256": names, "path": "p", "label": labels, "source": "s", "group": groups,
         "subset": "train", "fold": folds}
    )  # fmt: skip
    tables.SPLIT.write(split)
    tables.write_features(Features(names, features, {"network": "n"}))
    Path("metrics").mkdir()
    Path("metrics/train_classifier.json").write_text('{"C": 1.0}')
    Path("params.yaml").write_text("evaluate: {resamples: 100}\n")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(swatchbook, ["learning-curve", *arguments])


@pytest.mark.usefixtures("project")
def test_the_command_says_it_and_draws_it() -> None:
    done = run("--repeats", "1")
    assert done.exit_code == 0, done.exception
    assert done.stdout.startswith("learning-curve: with twice the images (60 more a class) expect ")
    points = pd.read_csv("plots/learning_curve.csv")
    assert list(points) == ["images_per_class", "class_average_error", "error_a", "error_b"]
    assert len(points) == 6
    assert Path("plots/learning_curve.png").stat().st_size > 5000


@pytest.mark.usefixtures("project")
def test_a_refined_network_is_refused() -> None:
    Path("params.yaml").write_text("refine_dnn: {mode: refine}\n")
    assert "has seen the labels" in str(run().exception)


@pytest.mark.usefixtures("project")
def test_without_a_classifier_it_says_what_to_do() -> None:
    Path("metrics/train_classifier.json").unlink()
    assert "`dvc repro` makes it" in str(run().exception)
