"""Minibatches: what is shown, as what label, from any image on and in any number of processes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.training import CLASSES, settings, training_images

from swatchbook.base.errors import DataError
from swatchbook.images import store
from swatchbook.images.frame import Frame
from swatchbook.training.batches.minibatches import Batch, TrainingData


def data(**changes: Any) -> TrainingData:
    return TrainingData(training_images(), CLASSES, settings(**changes))


def same(one: Batch, two: Batch) -> bool:
    return (
        torch.equal(one.pixels, two.pixels)
        and torch.equal(one.targets, two.targets)
        and torch.equal(one.weights, two.weights)
        and one.seed == two.seed
    )


def test_a_minibatch_has_the_images_of_its_labels() -> None:
    plain = data(crop_scale=1.0, flip="none", color_jitter=0.0)
    batch = next(plain.minibatches(0, 0, 8))
    order = plain.order(0)
    assert batch.pixels.dtype == torch.uint8
    assert batch.pixels.shape == (8, 32, 32, 3)
    for place in range(8):
        assert np.array_equal(batch.pixels[place].numpy(), plain.image(order[place]))
        assert int(batch.targets[place].argmax()) == plain.labels[order[place]]
    assert torch.equal(batch.targets.sum(1), torch.ones(8))


@pytest.mark.parametrize("changes", [{}, {"mixup": 0.5}])
def test_an_epoch_taken_up_at_any_image_goes_on_with_the_same_minibatches(
    changes: dict[str, Any],
) -> None:
    some = data(**changes)
    whole = list(some.minibatches(2, 0, 5))
    assert sum(batch.total for batch in whole) == len(some.labels)
    for number in range(1, len(whole)):
        rest = list(some.minibatches(2, 5 * number, 5))
        assert all(same(one, two) for one, two in zip(rest, whole[number:], strict=True))


def test_processes_share_a_minibatch_and_loaders_change_nothing() -> None:
    some = data(mixup=0.3)
    whole = next(some.minibatches(0, 0, 8))
    parts = [next(some.minibatches(0, 0, 8, first, 2)) for first in (0, 1)]
    for first, part in enumerate(parts):
        assert (part.total, part.first, part.step) == (8, first, 2)
        assert torch.equal(part.pixels, whole.pixels[first::2])
        assert torch.equal(part.targets, whole.targets[first::2])
    prepared = next(some.minibatches(0, 0, 8, loaders=1))
    assert same(prepared, whole)


def test_a_remainder_too_small_for_batch_norm_is_left_out() -> None:
    some = data()
    assert len(some.labels) == 24
    assert [batch.total for batch in some.minibatches(0, 0, 23)] == [23]
    assert [batch.total for batch in some.minibatches(0, 0, 22)] == [22, 2]
    assert [batch.total for batch in some.minibatches(0, 0, 21, 0, 2)] == [21]
    assert [batch.total for batch in some.minibatches(0, 0, 1)] == [1] * 24


def test_mixing_blends_images_and_labels_alike() -> None:
    mixed = data(mixup=1.0, crop_scale=1.0, flip="none", color_jitter=0.0)
    batch = next(mixed.minibatches(0, 0, 24))
    assert torch.allclose(batch.targets.sum(1), torch.ones(24))
    assert ((batch.targets > 0).sum(1) == 2).any()
    assert ((batch.targets > 0).sum(1) <= 2).all()


def test_smoothing_spreads_a_share_of_the_label() -> None:
    target = data(label_smoothing=0.3).target(0)
    assert np.allclose(sorted(target), [0.1, 0.1, 0.8])


def test_plain_images_are_training_images_as_validation_would_show_them() -> None:
    images = training_images()
    some = TrainingData(images, CLASSES, settings(crop_scale=0.5, rotation=90.0))
    assert [len(pixels) for pixels in some.plain(7)] == [7, 7, 7]
    assert [len(pixels) for pixels in some.plain(100)] == [24]
    rows = images[images["fold"] != 0]
    expected = {
        store.pixels(row.sha256, Path(row.path), Frame(32, "pad")).tobytes()
        for row in rows.itertuples()
    }
    shown = [pixels.numpy() for pixels in next(some.plain(24))]
    assert {pixels.tobytes() for pixels in shown} == expected
    for first in (0, 1):
        part = next(some.plain(24, first, 2))
        assert np.array_equal(part.numpy(), shown[first::2])


def test_unreadable_images_are_left_out_with_their_reasons() -> None:
    images = training_images()
    Path(images["path"][5]).write_bytes(b"")
    some = TrainingData(images, CLASSES, settings())
    assert some.unreadable == {images["sha256"][5]: "changed"}
    assert len(some.labels) + len(some.validation_labels) == 35


def test_a_part_without_a_readable_image_is_an_error() -> None:
    images = training_images()
    for path in images.loc[images["fold"] == 0, "path"]:
        Path(path).write_bytes(b"")
    with pytest.raises(DataError, match=r"no image .* can be read for validation"):
        TrainingData(images, CLASSES, settings())


def test_an_empty_validation_fold_is_an_error_that_says_so() -> None:
    with pytest.raises(DataError, match=r"refine_dnn\.validation_fold: 3 leaves no image for val"):
        data(validation_fold=3)


def test_a_class_without_a_readable_image_to_train_on_is_an_error() -> None:
    images = training_images()
    for path in images.loc[(images["label"] == "red") & (images["fold"] != 0), "path"]:
        Path(path).unlink()
    with pytest.raises(DataError, match="class 'red' has no readable image to train on"):
        TrainingData(images, CLASSES, settings())


def test_validation_images_are_those_of_the_door_whatever_the_augmentation() -> None:
    images = training_images()
    some = TrainingData(images, CLASSES, settings(rotation=90.0, crop_scale=0.5))
    rows = images[images["fold"] == 0]
    shown = torch.cat([pixels for pixels, _ in some.validation(5)])
    labels = np.concatenate([labels for _, labels in some.validation(5)])
    for pixels, (_, row) in zip(shown, rows.iterrows(), strict=True):
        expected = store.pixels(row["sha256"], Path(row["path"]), Frame(32, "pad"))
        assert np.array_equal(pixels.numpy(), expected)
    assert [CLASSES[label] for label in labels] == list(rows["label"])
    assert np.array_equal(some.sample(3), shown[:3].numpy())
