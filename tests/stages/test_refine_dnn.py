"""The refine_dnn stage: fixed and refined networks, and failures that leave all as it was."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from support.project import Project

from swatchbook.images import store
from swatchbook.images.frame import Frame
from swatchbook.project import models, stage, tables

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def refined(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A tiny project after ``dvc repro`` with a refined network. Tests must not change it."""
    own = finished.copied(tmp_path_factory.mktemp("refined"))
    refine(own)
    own.set("train_classifier.kind", "dnn")
    own.repro()
    return own


def refine(project: Project, schedule: str = "[[0.002, 3]]") -> None:
    project.set("refine_dnn.mode", "refine")
    project.set("refine_dnn.architecture", "timm:test_resnet")
    project.set("refine_dnn.schedule", schedule)
    project.set("refine_dnn.minibatch", "8")
    project.set("refine_dnn.precision", "float32")


def as_the_originals(project: Project) -> None:
    for key, value in (
        ("optimizer", "sgd"), ("head", "random"), ("batch_norm", "train"), ("refit", "false"),
    ):  # fmt: skip
        project.set(f"refine_dnn.{key}", value)


@pytest.mark.parametrize("trouble", ["no images", "no weights"])
@pytest.mark.parametrize("mode", ["fixed", "refine"])
def test_a_failure_is_one_line_and_leaves_the_network_alone(
    project: Project, trouble: str, mode: str
) -> None:
    before = project.bytes("models/network.onnx")
    project.set("refine_dnn.mode", mode)
    if trouble == "no images":
        shutil.rmtree(project.folder / "data/images")
    else:
        project.set("refine_dnn.pretrained", "nothing.pth")
    done = project.run("python", "-m", "stages.refine_dnn", ok=False)
    assert done.returncode == 2
    assert ("dvc pull data/images" if trouble == "no images" else "is no file") in done.stderr
    assert "Traceback" not in done.stderr
    assert project.bytes("models/network.onnx") == before


def test_a_refined_network_has_logits_curves_and_metrics(refined: Project) -> None:
    content, facts = models.load(refined.folder / models.NETWORK, {"labels", "training"})
    assert json.loads(facts["labels"]) == ["blue", "green", "red"]
    assert models.head(content) is not None
    metrics = stage.metrics_of((refined.folder / "metrics/refine_dnn.json").read_text())
    curves = pd.read_csv(refined.folder / "plots/refine_dnn/training.csv")
    assert metrics["epochs"] == 3
    assert list(curves["epoch"]) == [0, 1, 2, 3]  # as it was before training, first
    best = curves["validation_class_average_error"][metrics["best_epoch"]]
    assert best == pytest.approx(metrics["validation_class_average_error"], abs=1e-5)
    assert best == curves["validation_class_average_error"].min()
    assert metrics["best_epoch"] > 0
    assert facts["refit"] == "true"


def test_kind_dnn_gives_the_probabilities_of_the_networks_own_head(refined: Project) -> None:
    """From pixels through network.onnx alone, and through features and classifier.onnx."""
    predictions = pd.read_csv(refined.folder / "data/predictions.csv")
    rows = predictions[predictions["subset"] == "test"].head(6)
    session = onnxruntime.InferenceSession(refined.folder / models.NETWORK)
    pixels = np.stack(
        [
            store.pixels(sha256, refined.folder / path, Frame(32, "pad"))
            for sha256, path in zip(rows["sha256"], rows["path"], strict=True)
        ]
    )
    logits = session.run(["logits"], {"images": pixels})[0]
    _, facts = models.load(refined.folder / models.CLASSIFIER, {"temperature"})
    odds = np.exp(logits / float(facts["temperature"]))
    expected = odds / odds.sum(axis=1, keepdims=True)
    found = rows[["p_blue", "p_green", "p_red"]].to_numpy()
    assert np.abs(found - expected).max() < 1e-4


def test_only_the_fold_that_was_not_trained_on_is_judged(refined: Project) -> None:
    held_out = pd.read_csv(refined.folder / "data/out_of_fold.csv")
    split = pd.read_csv(refined.folder / "data/split.csv")
    assert set(held_out["sha256"]) == set(split.loc[split["fold"] == 0, "sha256"])
    predictions = pd.read_csv(refined.folder / "data/predictions.csv")
    assert (predictions["subset"] == "train").sum() == len(held_out)
    # by the network that had not seen it: the one that is delivered has
    selection = tables.read_selection(refined.folder / tables.SELECTION_PATH)
    assert sorted(selection.sha256) == sorted(split.loc[split["fold"] >= 0, "sha256"])
    place = [selection.sha256.index(sha256) for sha256 in held_out["sha256"]]
    _, facts = models.load(refined.folder / models.CLASSIFIER, {"temperature"})
    odds = np.exp(selection.logits[place] / float(facts["temperature"]))
    expected = odds / odds.sum(axis=1, keepdims=True)
    found = held_out[["p_blue", "p_green", "p_red"]].to_numpy()
    assert np.abs(found - expected).max() < 1e-4


def test_a_second_repro_does_nothing_and_another_classifier_does_not_train_again(
    refined: Project,
) -> None:
    assert refined.repro() == set()
    before = refined.bytes("models/network.onnx")
    refined.set("train_classifier.kind", "svm")
    assert refined.repro() == {"train_classifier", "evaluate", "suspects", "bundle"}
    assert refined.bytes("models/network.onnx") == before
    refined.set("train_classifier.kind", "dnn")
    refined.repro()


def test_killed_in_training_repro_goes_on_and_ends_with_the_same_bytes(
    refined: Project, project: Project
) -> None:
    """The whole stage by `kill -9` of its process group, as a power cut would do it."""
    refine(project)
    project.environment["SWATCHBOOK_CHECKPOINT_MINUTES"] = "1"
    process = subprocess.Popen(
        ["python", "-m", "stages.refine_dnn"], cwd=project.folder, env=project.environment,
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    assert process.stdout is not None
    for line in process.stderr:
        if line.startswith("epoch 1/"):
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stderr.close()
    process.stdout.close()
    checkpoints = Path(project.environment["SWATCHBOOK_CACHE"]) / "training"
    assert list(checkpoints.glob("*/last.pt"))
    done = project.run("dvc", "repro", "refine_dnn")
    assert "refine_dnn: goes on after epoch" in done.stdout + done.stderr
    for path in (
        "models/network.onnx", "data/selection.parquet", "metrics/refine_dnn.json",
        "plots/refine_dnn/training.csv",
    ):  # fmt: skip
        assert project.bytes(path) == refined.bytes(path), path
    assert not list(checkpoints.glob("*/previous.pt"))


def test_ctrl_c_ends_it_soon(project: Project) -> None:  # D05
    refine(project, "[[0.01, 500]]")
    process = subprocess.Popen(
        ["python", "-m", "stages.refine_dnn"], cwd=project.folder, env=project.environment,
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch 2/"):
            break
    process.send_signal(signal.SIGINT)
    # two seconds on a quiet machine; beside other tests it may be many more
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said


def test_a_diverging_run_exports_nothing_and_repro_fails_with_one_line(project: Project) -> None:
    before = project.bytes("models/network.onnx")
    refine(project, "[[1e30, 3]]")
    project.set("refine_dnn.optimizer", "sgd")
    project.set("refine_dnn.head", "random")
    project.set("refine_dnn.crop_scale", "1")
    done = project.run("python", "-m", "stages.refine_dnn", ok=False)
    assert done.returncode == 2
    assert "error: refine_dnn: the loss became" in done.stderr
    assert "Nothing was exported" in done.stderr
    assert project.bytes("models/network.onnx") == before


def test_kind_dnn_on_a_fixed_network_is_an_error_before_any_work(project: Project) -> None:
    project.set("train_classifier.kind", "dnn")
    done = project.run("python", "-m", "swatchbook", "params", "check", ok=False)
    assert done.returncode == 2
    assert "train_classifier.kind: 'dnn' is the last layer of a refined network" in done.stderr
    # and of the stage itself, where only `dvc repro` was run
    done = project.run("python", "-m", "stages.train_classifier", ok=False)
    assert done.returncode == 2
    assert "refine_dnn.mode: refine trains one" in done.stderr


def test_features_of_another_network_are_refused(refined: Project, project: Project) -> None:
    shutil.copy(refined.folder / models.NETWORK, project.folder / models.NETWORK)
    done = project.run("python", "-m", "stages.train_classifier", ok=False)
    assert done.returncode == 2
    assert f"{tables.FEATURES_PATH}: made by another network" in done.stderr


def test_plots_of_fixed_and_refined_networks_can_be_shown(
    refined: Project, finished: Project
) -> None:
    for one in (refined, finished):
        shown = json.loads(one.run("dvc", "plots", "show", "--json").stdout)
        assert not shown.get("errors"), shown["errors"]


@pytest.mark.cntk
def test_cntk_makes_the_same_outputs(project: Project, cntk: Path) -> None:
    project.environment["SWATCHBOOK_CNTK"] = str(cntk)
    refine(project)
    as_the_originals(project)
    project.set("refine_dnn.engine", "cntk")
    project.set("refine_dnn.architecture", "resnet18")
    project.set("train_classifier.kind", "dnn")
    assert project.repro() == {
        "refine_dnn",
        "featurize",
        "train_classifier",
        "evaluate",
        "suspects",
        "bundle",
    }
    _, facts = models.load(project.folder / models.NETWORK, {"labels", "training"})
    assert (facts["cntk"], facts["architecture"]) == ("2.7", "resnet18")
    curves = pd.read_csv(project.folder / "plots/refine_dnn/training.csv")
    assert len(curves) == 3
    assert stage.metrics_of((project.folder / "metrics/refine_dnn.json").read_text())["epochs"] == 3


def test_cntk_that_is_not_set_up_is_one_line(project: Project) -> None:
    before = project.bytes("models/network.onnx")
    refine(project)
    project.set("refine_dnn.engine", "cntk")
    done = project.run("python", "-m", "stages.refine_dnn", ok=False)
    assert done.returncode == 2
    assert "'cntk' does not know optimizer: adamw (use sgd), head: probe" in done.stderr
    as_the_originals(project)
    project.environment["SWATCHBOOK_CNTK"] = "nowhere/python"
    done = project.run("python", "-m", "stages.refine_dnn", ok=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "`make cntk` sets it up" in done.stderr
    assert project.bytes("models/network.onnx") == before
