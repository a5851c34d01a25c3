"""A refinement from table to network: what it depends on, and what it leaves behind."""

from pathlib import Path

import pandas as pd
import pytest
import torch
from test_finetuning import CLASSES, settings, training_images

from swatchbook import finetuning, machine, refining
from swatchbook.refining import Job


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
    best = refined.progress.history[refined.progress.best - 1]
    assert learner_loss / len(refined.data.validation_labels) == pytest.approx(
        best["validation_loss"], rel=1e-3
    )


def test_curves_are_written_while_it_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    draw = refining.draw

    def watched(progress: finetuning.Progress) -> None:
        draw(progress)
        seen.append(len(pd.read_csv(refining.PLOTS / "training.csv")))

    monkeypatch.setattr(refining, "draw", watched)
    refining.refine(job())
    assert seen == [1, 2]
    assert (refining.PLOTS / "training.png").is_file()


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


def test_nothing_is_left_when_the_result_is_saved() -> None:
    own = job()
    refining.refine(own)
    assert own.folder.is_dir()
    refining.forget(own)
    assert not list((machine.cache_folder() / "training").iterdir())
