"""The training loop: it learns, keeps the best epoch, and is the same after any interruption."""

import multiprocessing
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.full import FULL
from support.training import CLASSES, new_run, settings, train_in_child, training_images

from swatchbook.base import files, machine
from swatchbook.base.errors import OutOfMemory, TrainingError
from swatchbook.images import store
from swatchbook.images.frame import Frame
from swatchbook.training import probing
from swatchbook.training.batches.minibatches import TrainingData
from swatchbook.training.checkpoints import Checkpoints
from swatchbook.training.loop import Run
from swatchbook.training.networks import architectures
from swatchbook.training.parameters import RefineDnn
from swatchbook.training.progress import Progress
from swatchbook.training.pytorch.parallel import Group
from swatchbook.training.pytorch.torch_learner import TorchLearner

pytestmark = pytest.mark.long


def outcome(run: Run) -> tuple[list[dict[str, float]], dict[str, torch.Tensor]]:
    """What two equal runs must have in common to the last bit."""
    best = run.checkpoints.load_best(run.progress.best)
    assert best is not None
    return run.progress.history, best


def stop_at(run: Run, method: str) -> None:
    """Have the run asked to stop at the first call of a method of its learner."""
    original = getattr(run.learner, method)

    def asked(*arguments: Any) -> Any:
        run._stopping.set()
        return original(*arguments)

    setattr(run.learner, method, asked)


def assert_same(one: Run, two: Run) -> None:
    (history, weights), (other_history, other_weights) = outcome(one), outcome(two)
    assert history == other_history
    assert all(torch.equal(item, other_weights[name]) for name, item in weights.items())


def test_no_process_begins_before_all_have_looked_for_a_checkpoint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that finds the first one's begin, where that found none, would wait for it for ever."""
    run = new_run(training_images(), settings(schedule=[[0.01, 1]]))
    order: list[str] = []

    def noting(target: object, name: str) -> None:
        original = getattr(target, name)

        def noted(*arguments: Any) -> Any:
            order.append(name)
            return original(*arguments)

        monkeypatch.setattr(target, name, noted)

    noting(run.checkpoints, "load")
    noting(run.learner, "wait_for_all")
    noting(run.checkpoints, "save")
    run.fit()
    assert order[:3] == ["load", "wait_for_all", "save"]


def test_training_learns_and_keeps_the_best_epoch() -> None:
    run = new_run(training_images(60), settings(schedule=[[0.01, 8], [0.001, 2]], dropout=0.0))
    progress = run.fit()
    errors = [row["validation_error"] for row in progress.history]
    losses = [row["training_loss"] for row in progress.history]
    assert len(errors) == 10
    assert losses[-1] < 0.7 * losses[0]
    assert errors[progress.best - 1] == min(errors)
    assert min(errors) < 0.5  # chance is 0.67
    assert progress.history[0]["rate"] == 0.01
    assert progress.history[-1]["rate"] == 0.001


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"mixup": 0.4, "label_smoothing": 0.1, "balance": "oversample", "rand_augment": 5},
        {"unfreeze_after": 2, "optimizer": "adamw", "schedule": "cosine", "epochs": 4},
        {"precision": "auto", "rotation": 20.0, "balance": "weights", "max_images": 17},
    ],
)
def test_a_run_stopped_at_every_epoch_is_the_same_as_one_that_was_not(
    changes: dict[str, Any],
) -> None:
    images, chosen = training_images(), settings(**changes)
    whole = new_run(images, chosen, Path("whole"))
    whole.fit()
    for epoch in range(1, 4):
        part = new_run(images, chosen, Path("parts"))

        def stop_here(progress: Progress, part: Run = part, epoch: int = epoch) -> None:
            if progress.epoch == epoch:
                part._stopping.set()

        part.report = stop_here
        with pytest.raises(KeyboardInterrupt):
            part.fit()
    last = new_run(images, chosen, Path("parts"))
    last.fit()
    assert_same(whole, last)


@pytest.mark.parametrize("changes", [{}, {"unfreeze_after": 1, "mixup": 0.3}])
def test_a_run_stopped_after_every_step_is_the_same_as_one_that_was_not(
    changes: dict[str, Any],
) -> None:
    """Also after the last step of an epoch, and again and again."""
    images, chosen = training_images(), settings(schedule=[[0.02, 2], [0.01, 1]], **changes)
    whole = new_run(images, chosen, Path("whole"))
    whole.fit()
    stops = 0
    while True:
        part = new_run(images, chosen, Path("parts"))
        stop_at(part, "train")
        try:
            part.fit()
            break
        except KeyboardInterrupt:
            stops += 1
    assert stops == 9  # three steps an epoch
    assert_same(whole, part)
    assert {row["rate"] for row in part.progress.history} == {0.02, 0.01}


def test_a_run_stopped_in_validation_is_the_same_as_one_that_was_not() -> None:
    images, chosen = training_images(), settings(schedule=[[0.02, 2]])
    whole = new_run(images, chosen, Path("whole"))
    whole.fit()
    for _ in range(2):
        part = new_run(images, chosen, Path("parts"))
        stop_at(part, "logits")
        with pytest.raises(KeyboardInterrupt):
            part.fit()
    last = new_run(images, chosen, Path("parts"))
    last.fit()
    assert_same(whole, last)


MOST, EPOCHS = (12, 40) if FULL else (4, 16)


def test_kill_9_at_any_moment_changes_no_bit() -> None:  # E07
    images = training_images(48)
    chosen = settings(schedule=[[0.02, EPOCHS]], minibatch=4)
    whole = new_run(images, chosen, Path("whole"))
    whole.fit()
    # forked from a server that has imported all: a child starts to train at once
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["support.training"])
    moments = random.Random(0)
    kills = 0
    while kills < MOST:
        child = context.Process(
            target=train_in_child, args=(images, chosen, Path("killed"), kills % 2 == 0)
        )
        child.start()
        child.join(0.3 + moments.random() * 0.8)
        if child.is_alive():
            os.kill(child.pid or 0, signal.SIGKILL)
            kills += 1
        child.join()
        if child.exitcode == 0:
            break  # it was quicker than so many kills
    assert kills >= MOST - 2
    last = new_run(images, chosen, Path("killed"))
    last.fit()
    assert_same(whole, last)


def test_validation_sees_statistics_of_plain_images() -> None:
    run = new_run(training_images(), settings(rotation=180.0, schedule=[[0.02, 2]]))
    run.fit()
    _, best = outcome(run)
    learner = new_run(training_images(), run.settings, Path("other")).learner
    learner.load({"head_only": False, "network": best, "optimizer": learner.state()["optimizer"]})
    learner.settle(run.data.plain(8))
    for name, item in learner.network_state().items():
        assert torch.equal(item, best[name]), name


def test_sigterm_leaves_a_checkpoint_of_this_very_step() -> None:  # D05
    images, chosen = training_images(), settings(minibatch=4)
    run = new_run(images, chosen)
    steps = []
    train = run.learner.train

    def train_then_signal(*arguments: Any) -> Any:
        steps.append(1)
        if len(steps) == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return train(*arguments)

    run.learner.train = train_then_signal  # type: ignore[method-assign]
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run.fit()
    assert time.monotonic() - started < 5
    state = Checkpoints(Path("run")).load()
    assert state is not None
    assert (state["progress"]["epoch"], state["progress"]["position"]) == (0, 12)


def test_a_loss_that_is_no_number_stops_at_once_and_keeps_the_checkpoint() -> None:  # E01
    images = training_images()
    run = new_run(images, settings(schedule=[[0.01, 2], [1e30, 5]], crop_scale=1.0))
    with pytest.raises(
        TrainingError, match=r"loss became (nan|inf) in epoch 3 .*schedule"
    ) as found:
        run.fit()
    assert "\n" not in str(found.value)
    state = Checkpoints(Path("run")).load()
    assert state is not None
    assert state["progress"]["epoch"] == 2
    assert all(torch.isfinite(item).all() for item in state["learner"]["network"].values())


def test_a_checkpoint_of_exploded_weights_does_not_replace_the_last_good_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "checkpoint_seconds", lambda: 0.0)
    run = new_run(training_images(), settings(schedule=[[0.01, 1], [1e30, 5]], crop_scale=1.0))
    with pytest.raises(TrainingError, match="loss became"):
        run.fit()
    state = Checkpoints(Path("run")).load()
    assert state is not None
    assert (state["progress"]["epoch"], state["progress"]["position"]) == (1, 0)
    assert all(item.abs().max() < 1e6 for item in state["learner"]["network"].values())


def test_other_readable_images_start_a_run_anew(capsys: pytest.CaptureFixture[str]) -> None:
    images, chosen = training_images(), settings(schedule=[[0.01, 2]])
    gone = Path(images["path"][20])
    content = gone.read_bytes()
    gone.unlink()
    run = new_run(images, chosen)
    run.report = lambda _: run._stopping.set()
    with pytest.raises(KeyboardInterrupt):
        run.fit()
    gone.write_bytes(content)
    again = new_run(images, chosen)
    again.fit()
    assert "other images can be read than before" in capsys.readouterr().err
    whole = new_run(images, chosen, Path("whole"))
    whole.fit()
    assert_same(whole, again)


def test_one_image_a_minibatch_is_an_error_where_batch_norm_needs_two() -> None:
    run = new_run(training_images(), settings(minibatch=1, architecture="resnet18"))
    with pytest.raises(TrainingError, match=r"refine_dnn\.minibatch: one image is too little"):
        run.fit()


class _SmallMemory(TorchLearner):
    """A device with memory for four images a minibatch."""

    most = 4

    def train(self, batch: Any, rate: float) -> tuple[float, float]:
        if batch.total > self.most:
            raise OutOfMemory("no memory for this")
        self.rates = [*getattr(self, "rates", []), rate]
        return super().train(batch, rate)


def small_memory_run(chosen: RefineDnn, most: int, folder: Path = Path("run")) -> Run:
    run = new_run(training_images(), chosen, folder)
    run.learner = _SmallMemory(architectures.refinable(chosen, 3), chosen, Group())
    run.learner.most = most
    return run


def test_out_of_memory_halves_the_minibatch_and_the_rate(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = small_memory_run(settings(minibatch=16, schedule=[[0.02, 2]]), most=4)
    progress = run.fit()
    assert (progress.minibatch, progress.halvings, progress.rate_scale) == (4, 2, 0.25)
    assert set(run.learner.rates) == {0.005}  # type: ignore[attr-defined]
    assert "out of memory; goes on with minibatches of 4 images" in capsys.readouterr().err


def test_out_of_memory_after_three_halvings_is_an_error() -> None:
    run = small_memory_run(settings(minibatch=32), most=2)
    with pytest.raises(OutOfMemory, match=r"minibatch: 4 images at 32 px .* after 3 halvings"):
        run.fit()


def test_a_halved_minibatch_is_still_halved_after_an_interruption() -> None:
    chosen = settings(minibatch=16, schedule=[[0.02, 2]])
    whole = small_memory_run(chosen, 4, Path("whole"))
    whole.fit()
    part = small_memory_run(chosen, 4, Path("parts"))
    part.report = lambda _: part._stopping.set()
    with pytest.raises(KeyboardInterrupt):
        part.fit()
    last = small_memory_run(chosen, 4, Path("parts"))
    last.fit()
    assert_same(whole, last)


@pytest.mark.parametrize("trainable", ["last_only", "all"])
def test_frozen_weights_and_statistics_do_not_change_by_a_bit(trainable: str) -> None:
    chosen = settings(trainable=trainable, schedule=[[0.1, 2]])
    run = new_run(training_images(), chosen)
    before = {name: item.clone() for name, item in run.learner.network_state().items()}
    run.fit()
    after = run.learner.network_state()
    body = [name for name in before if name.startswith("extractor.backbone")]
    unchanged = [name for name in body if torch.equal(before[name], after[name])]
    assert not torch.equal(before["head.weight"], after["head.weight"])
    assert unchanged == body if trainable == "last_only" else len(unchanged) < len(body) / 10


def test_the_body_joins_in_after_the_epochs_of_the_head() -> None:
    run = new_run(training_images(), settings(unfreeze_after=2))
    first = {name: item.clone() for name, item in run.learner.network_state().items()}
    seen = []

    def compare(progress: Progress) -> None:
        now = run.learner.network_state()
        seen.append(
            all(torch.equal(first[name], now[name]) for name in first if "backbone" in name)
        )

    run.report = compare
    run.fit()
    assert seen == [True, True, False, False]


@pytest.mark.parametrize(("balance", "best"), [("none", 1), ("weights", 2)])
def test_classes_that_count_alike_choose_the_epoch_by_their_average(
    balance: str, best: int
) -> None:
    """Of 12 validation images 8 are blue: to call all blue is right in most, but in one class."""
    images = training_images()
    labels = ["blue"] * 8 + ["green"] * 2 + ["red"] * 2
    images.loc[images["fold"] == 0, "label"] = labels
    run = new_run(images, settings(schedule=[[0.0001, 2]], balance=balance))
    truth = torch.from_numpy(run.data.validation_labels)

    def logits_of(pixels: torch.Tensor) -> torch.Tensor:
        start = logits_of.start  # type: ignore[attr-defined]
        logits_of.start = (start + len(pixels)) % 12  # type: ignore[attr-defined]
        right = torch.eye(3)[truth[start : start + len(pixels)]]
        blue = torch.eye(3)[torch.zeros(len(pixels), dtype=torch.long)]
        # then: all green and red right, most blue ones wrong
        second = torch.where((truth[start : start + len(pixels)] == 0)[:, None], 1 - blue, right)
        second[0] = right[0]
        return 9 * (blue if run.progress.epoch == 0 else second)

    logits_of.start = 0  # type: ignore[attr-defined]
    run.learner.logits = logits_of  # type: ignore[method-assign]
    assert run.fit().best == best
    first, later = run.progress.history
    assert first["validation_error"] == pytest.approx(4 / 12)
    assert first["validation_class_average_error"] == pytest.approx(2 / 3)
    assert later["validation_error"] > first["validation_error"]
    assert later["validation_class_average_error"] < first["validation_class_average_error"]


def test_patience_ends_a_run_that_gets_no_better() -> None:
    run = new_run(training_images(), settings(schedule=[[1e-12, 50]], patience=3))
    progress = run.fit()
    assert progress.epoch == progress.best + 3 < 50


def test_patience_counts_from_the_last_rate_of_a_schedule() -> None:
    schedule = [[1e-12, 6], [1e-13, 2], [1e-14, 20]]
    run = new_run(training_images(), settings(schedule=schedule, patience=3))
    progress = run.fit()
    assert progress.best < 6
    assert progress.epoch == 8 + 3


def test_an_epoch_is_kept_only_if_it_is_better_than_the_beginning() -> None:
    """A layer that is right already, and a rate that spoils everything."""
    images = training_images(60)
    spoils = settings(schedule=[[0.1, 2]], head="probe", batch_norm="frozen", optimizer="adamw")
    run = new_run(images, spoils)
    layer = probe(run)
    run.begin = layer.weight, layer.bias
    progress = run.fit()
    assert [row["epoch"] for row in progress.history] == [0, 1, 2]
    assert progress.best == 0
    assert progress.history[0]["training_loss"] is None
    kept = run.checkpoints.load_best(0)
    assert kept is not None
    fresh = architectures.refinable(spoils, 3).state_dict()
    assert torch.equal(kept["head.weight"], torch.from_numpy(layer.weight))
    assert all(torch.equal(item, fresh[name]) for name, item in kept.items() if "head." not in name)
    # killed at any time it is the same, and what it began with is judged once
    again = new_run(images, spoils, Path("again"))
    again.begin = layer.weight, layer.bias
    stop_at(again, "train")
    with pytest.raises(KeyboardInterrupt):
        again.fit()
    rest = new_run(images, spoils, Path("again"))
    rest.begin = layer.weight, layer.bias
    rest.fit()
    assert_same(run, rest)


def test_frozen_statistics_stay_and_weights_move() -> None:
    run = new_run(training_images(), settings(schedule=[[0.01, 1]], batch_norm="frozen"))
    before = {name: item.clone() for name, item in run.learner.network_state().items()}
    run.fit()
    after = run.learner.network_state()
    for name, item in after.items():
        if name.endswith(("running_mean", "running_var", "num_batches_tracked")):
            assert torch.equal(item, before[name]), name
    moved = [name for name in after if not torch.equal(after[name], before[name])]
    assert len(moved) > len(before) / 3


def probe(run: Run) -> probing.Probe:
    """The last layer that a run would begin with."""
    parts = [
        probing.parts_of(
            (run.learner.outputs(pixels)[0], labels)  # type: ignore[attr-defined]
            for _, pixels, labels in run.data.as_they_are(8, validation)
        )
        for validation in (False, True)
    ]
    return probing.fit(parts[0], 3, False, parts[1])


def test_the_validation_fold_is_not_trained_on() -> None:
    images = training_images()
    chosen = settings(validation_fold=1, crop_scale=1.0)
    data = TrainingData(images, CLASSES, chosen)
    shown = {files.digest(data.image(n).tobytes()) for n in range(len(data.labels))}
    validated = {
        files.digest(np.ascontiguousarray(one).tobytes())
        for pixels, _ in data.validation(4)
        for one in pixels.numpy()
    }

    def of_fold(held_out: bool) -> set[str]:
        rows = images[(images["fold"] == 1) == held_out]
        return {
            files.digest(store.pixels(sha256, Path(path), Frame(32, "pad")).tobytes())
            for sha256, path in zip(rows["sha256"], rows["path"], strict=True)
        }

    assert shown == of_fold(False)
    assert validated == of_fold(True)


def test_progress_is_a_line_an_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    new_run(training_images(), settings(schedule=[[0.01, 2]])).fit()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    for part in ("epoch 1/2: loss ", "validation loss", "rate 0.01", "images/s", "left"):
        assert part in lines[0]
