"""A refinement from table to network: what it depends on, and what it leaves behind."""

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from support.training import CLASSES, settings, training_images

from swatchbook.base import machine
from swatchbook.base.errors import NetworkError, OutOfMemory
from swatchbook.training import probing, refining, training_curves
from swatchbook.training.batches.minibatches import Batch
from swatchbook.training.job import Job
from swatchbook.training.networks import architectures
from swatchbook.training.progress import Again
from swatchbook.training.pytorch.torch_learner import TorchLearner


def job(**changes: object) -> Job:
    return Job(settings(schedule=[[0.01, 2]], **changes), training_images(), CLASSES)


def test_the_network_has_the_weights_of_the_best_epoch() -> None:
    own = job()
    refined = refining.refine(own)
    assert refined.progress.epoch == 2
    again = refining.refine(own)  # its checkpoints are still there: nothing is trained
    network = refined.network().eval()
    for one, two in zip(network.parameters(), again.network().parameters(), strict=True):
        assert torch.equal(one, two)
    learner_loss = 0.0
    with torch.no_grad():
        for pixels, labels in refined.data.validation(8):
            _, logits = network(pixels)
            learner_loss += float(
                torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels), reduction="sum")
            )
    best = refined.progress.row(refined.progress.best)
    assert learner_loss / len(refined.data.validation_labels) == pytest.approx(
        best["validation_loss"], rel=1e-3
    )


def test_curves_are_written_while_it_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    draw = training_curves.write

    def watched(*told: Any) -> None:
        draw(*told)
        seen.append(len(pd.read_csv(training_curves.FOLDER / "training.csv")))

    monkeypatch.setattr(training_curves, "write", watched)
    refining.refine(job())
    assert seen == [1, 2]
    assert (training_curves.FOLDER / "training.png").is_file()


def test_an_estimate_of_the_time_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    refining.refine(job())
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("refine_dnn: 24 images an epoch, 12 for validation, 0 unreadable")
    assert "no GPU is used: about " in lines[1]
    assert lines[2].startswith("epoch 1/2")


def test_anything_that_changes_the_result_is_another_run() -> None:
    own = job()
    folders = {own.folder, job(seed=1).folder, job(mixup=0.1).folder}
    relabelled = own.images.assign(label="red")
    folders |= {Job(own.settings, relabelled, CLASSES).folder}
    folders |= {Job(own.settings, own.images.assign(fold=0), CLASSES).folder}
    weights = Path("weights.pth")
    weights.write_bytes(b"one")
    of_file = Job(settings(pretrained="weights.pth"), own.images, CLASSES)
    folders |= {of_file.folder}
    weights.write_bytes(b"two")
    folders |= {of_file.folder}
    assert len(folders) == 7
    assert job().folder == own.folder


def test_a_finished_run_keeps_its_best_weights_alone_and_is_not_trained_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DVC may not have taken the result yet, and another experiment may want the same."""
    own = job()
    first = refining.refine(own)
    names = {path.name for path in own.folder.iterdir()}
    assert names == {"last.pt", f"best-{first.progress.best:05}.pt"}
    assert (own.folder / "last.pt").stat().st_size < 10_000

    def no_more(*_: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(TorchLearner, "train", no_more)
    second = refining.refine(own)
    assert second.progress == first.progress
    assert all(torch.equal(item, second.best[name]) for name, item in first.best.items())


PROBED = {
    "head": "probe", "batch_norm": "frozen", "refit": True, "optimizer": "adamw", "dropout": 0.0,
    "schedule": [[0.001, 4]], "crop_scale": 1.0, "color_jitter": 0.0,
}  # fmt: skip


def probed(**changes: object) -> Job:
    return Job(settings(**{**PROBED, **changes}), training_images(60), CLASSES)


def test_it_is_trained_again_on_all_images_and_the_first_network_is_kept_to_judge_by() -> None:
    own = probed()
    refined = refining.refine(own)
    assert refined.progress.history[0]["epoch"] == 0
    assert refined.progress.best > 0
    assert refined.chosen is not None
    assert not torch.equal(refined.best["head.weight"], refined.chosen["head.weight"])
    selection = refined.selection()
    assert selection is not None
    assert sorted(selection.sha256) == sorted(own.images["sha256"])
    # of the held-out fold it says what the validation of the best epoch said
    fold = own.images.set_index("sha256").loc[selection.sha256]
    held_out = (fold["fold"] == 0).to_numpy()
    wrong = selection.logits.argmax(axis=1) != np.searchsorted(CLASSES, fold["label"].to_numpy(str))
    best = refined.progress.row(refined.progress.best)
    assert wrong[held_out].mean() == pytest.approx(best["validation_error"])
    # the one that is delivered has learnt from these images too
    data = Job(own.settings, own.images, CLASSES, Again(1, 1.0, 8, 1.0, 1)).data()
    assert len(data.labels) == 60
    assert len(data.validation_labels) == 0


def test_where_training_gains_nothing_the_network_stays_and_its_last_layer_sees_all() -> None:
    own = probed(schedule=[[0.1, 1]])
    refined = refining.refine(own)
    assert refined.progress.best == 0
    fresh = architectures.refinable(own.settings, 3).state_dict()
    body = [name for name in fresh if "head." not in name]
    assert all(torch.equal(refined.best[name], fresh[name]) for name in body)
    assert refined.chosen is not None
    assert not torch.equal(refined.best["head.weight"], refined.chosen["head.weight"])


def test_killed_in_either_run_it_ends_with_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = refining.refine(probed())
    train = TorchLearner.train
    # in the first run, and in the second
    for when in (3, 30):
        count = 0

        def killed(self: TorchLearner, batch: Batch, rate: float, at: int = when) -> Any:
            nonlocal count
            count += 1
            if count == at:
                raise MemoryError("killed")
            return train(self, batch, rate)

        monkeypatch.setenv("SWATCHBOOK_CACHE", f"another{when}")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(TorchLearner, "train", killed)
            patch.setattr(TorchLearner, "seconds_per_image", lambda *_: 1.0)
            with pytest.raises(MemoryError):
                refining.refine(probed())
        found = refining.refine(probed())
        assert found.progress == wanted.progress
        assert all(torch.equal(item, found.best[name]) for name, item in wanted.best.items())


def test_an_image_that_is_gone_since_it_was_cached_stops_nothing() -> None:
    own = probed()
    data = own.data()  # decoded now, and kept
    gone = own.images[own.images["fold"] == 1].iloc[0]
    Path(gone["path"]).unlink()
    refined = refining.refine(own)
    selection = refined.selection()
    assert selection is not None
    assert sorted(selection.sha256) == sorted(set(own.images["sha256"]) - {gone["sha256"]})
    assert len(data.labels) + len(data.validation_labels) == 60


def test_an_image_that_comes_back_is_in_the_probe_too(tmp_path: Path) -> None:
    own = probed(schedule=[[0.001, 1]])
    path = Path(own.images[own.images["fold"] == 1].iloc[0]["path"])
    path.rename(tmp_path / "aside")
    refining.refine(own)
    (tmp_path / "aside").rename(path)
    found = refining.refine(own)
    shutil.rmtree(own.folder.parent)
    wanted = refining.refine(own)
    assert all(torch.equal(item, found.best[name]) for name, item in wanted.best.items())


def test_too_little_memory_for_features_takes_them_in_halves() -> None:
    class Small:
        def outputs(self, pixels: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
            if len(pixels) > 3:
                raise OutOfMemory("too many")
            return pixels.numpy(), -pixels.numpy()

    pixels = torch.arange(11)
    features, logits = probing.outputs(Small(), pixels)  # type: ignore[arg-type]
    assert features.tolist() == list(range(11))
    assert logits.tolist() == [-number for number in range(11)]


def test_damaged_weights_of_a_finished_run_are_trained_again() -> None:
    own = job()
    first = refining.refine(own)
    (own.folder / f"best-{first.progress.best:05}.pt").write_bytes(b"damaged")
    second = refining.refine(own)
    assert all(torch.equal(item, second.best[name]) for name, item in first.best.items())


def test_too_little_memory_while_the_time_is_estimated_halves_the_minibatch_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train = TorchLearner.train

    def small(self: TorchLearner, batch: Batch, rate: float) -> tuple[float, float]:
        if batch.total > 4:
            raise OutOfMemory("can't allocate memory")
        return train(self, batch, rate)

    monkeypatch.setattr(TorchLearner, "train", small)
    assert refining.refine(job()).progress.minibatch == 4


@pytest.mark.parametrize(
    ("changes", "environment", "message"),
    [
        ({"architecture": "timm:nonsense"}, {}, "timm has no 'nonsense'"),
        ({"pretrained": "nothing.pth"}, {}, "'nothing.pth' is no file"),
        ({}, {"SWATCHBOOK_DEVICE": "cuda"}, "'cuda' needs a GPU"),
        ({}, {"SWATCHBOOK_PROCESSES": "5"}, "SWATCHBOOK_PROCESSES: 5 need at least two images"),
        ({"engine": "cntk"}, {"SWATCHBOOK_CNTK": "nowhere"}, "`make cntk` sets it up"),
    ],
)
def test_what_cannot_be_had_is_said_before_an_image_is_decoded(
    changes: dict[str, Any],
    environment: dict[str, str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(NetworkError, match=message):
        refining.refine(job(**changes))
    assert not (machine.cache_folder() / "decoded").exists()


def test_the_estimate_is_for_the_epochs_that_are_left(capsys: pytest.CaptureFixture[str]) -> None:
    own = Job(settings(schedule=[[0.01, 3]]), training_images(), CLASSES)
    draw = training_curves.write

    def stop(*told: Any) -> None:
        draw(*told)
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_curves, "write", stop)
        with pytest.raises(KeyboardInterrupt):
            refining.refine(own)
    assert " for 3 epochs " in capsys.readouterr().err
    refining.refine(own)
    assert " for 2 epochs " in capsys.readouterr().err
