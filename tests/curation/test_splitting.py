"""Laws of the split."""

import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.full import FULL

from swatchbook.base import files
from swatchbook.base.errors import DataError
from swatchbook.curation import splitting


def images(sizes: dict[str, list[int]]) -> pd.DataFrame:
    """For each class, groups of the given sizes."""
    rows = []
    for label, groups in sizes.items():
        for number, size in enumerate(groups):
            group = files.digest(f"{label} {number}".encode())[:16]
            for member in range(size):
                sha256 = files.digest(f"{group} {member}".encode())
                rows.append((sha256, label, f"{label}/{number}/{member}.png", group))
    return pd.DataFrame(rows, columns=["sha256", "label", "source", "group"])


group_sizes = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]),
    st.lists(st.integers(1, 6), min_size=1, max_size=60),
    min_size=1,
)
shares, folds, seeds = st.floats(0.05, 0.9), st.integers(2, 10), st.integers(0, 100)


@given(sizes=group_sizes, share=shares, folds=folds, seed=seeds)
def test_it_is_a_partition_and_no_group_straddles(
    sizes: dict[str, list[int]], share: float, folds: int, seed: int
) -> None:
    frame = images(sizes)
    found = splitting.split(frame, share, folds, seed)
    assert sorted(found["sha256"]) == sorted(frame["sha256"])
    assert set(found["subset"]) <= {"train", "test"}
    assert (found["fold"].between(0, folds - 1) == (found["subset"] == "train")).all()
    assert ((found["fold"] == -1) == (found["subset"] == "test")).all()
    assert (found.groupby("group")[["subset", "fold"]].nunique() == 1).all(axis=None)


@given(counts=st.lists(st.integers(1, 200), min_size=1, max_size=4), share=shares, seed=seeds)
def test_each_class_is_split_to_within_one_image(
    counts: list[int], share: float, seed: int
) -> None:
    found = splitting.split(
        images({f"c{n}": [1] * c for n, c in enumerate(counts)}), share, 4, seed
    )
    for number, count in enumerate(counts):
        rows = found[found["label"] == f"c{number}"]
        tested = (rows["subset"] == "test").sum()
        assert abs(tested - share * count) <= 1
        per_fold = rows.loc[rows["subset"] == "train", "fold"].value_counts()
        for fold in range(4):
            assert abs(per_fold.get(fold, 0) - (count - tested) / 4) <= 1.5


@settings(max_examples=20 if FULL else 6, deadline=None)
@given(seed=seeds, folds=st.integers(2, 5))
def test_adding_one_percent_moves_at_most_about_one_percent(seed: int, folds: int) -> None:
    grown = images({"a": [1] * 2020, "b": [2] * 505})
    added = {f"{label}/{n}" for label, start, end in (("a", 2000, 2020), ("b", 500, 505))
             for n in range(start, end)}  # fmt: skip
    small = grown[~grown["source"].str.rpartition("/")[0].isin(added)]
    before = splitting.split(small, 0.25, folds, seed).set_index("sha256")
    after = splitting.split(grown, 0.25, folds, seed).set_index("sha256").loc[before.index]
    assert (before["subset"] != after["subset"]).mean() <= 0.01
    assert (before["fold"] != after["fold"]).mean() <= 0.01 * folds


@given(seed=seeds)
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    frame = images({"a": [1, 2, 3] * 5, "b": [1] * 20})
    one = splitting.split(frame, 0.25, 4, 0)
    other = splitting.split(frame.sample(frac=1, random_state=seed), 0.25, 4, 0)
    pd.testing.assert_frame_equal(one, other)


def test_another_seed_is_another_split() -> None:
    frame = images({"a": [1] * 50, "b": [1] * 50})
    one, other = (splitting.split(frame, 0.25, 4, seed) for seed in (0, 1))
    assert (one["subset"] != other["subset"]).any()


def test_a_folder_stays_together_with_the_duplicates_of_its_images() -> None:
    frame = images({"a": [1] * 6, "b": [1] * 6})
    frame["source"] = ["a/x/1", "a/x/2", "a/y/1", "a/y/2", "a/z/1", "a/z/2"] + [
        f"b/{n}/1" for n in range(6)
    ]
    frame.loc[2, "group"] = frame.loc[1, "group"]  # folders x and y share a near-duplicate,
    frame = frame.assign(kept=frame.index != 2, reason="")
    frame.loc[2, "reason"] = "near-duplicate of a/x/2"  # and even where it was dropped
    joined = splitting.join_folders(frame)
    assert joined["group"][:4].nunique() == 1
    assert joined["group"].nunique() == 8


def test_a_given_test_part_is_taken() -> None:
    frame = images({"a": [1] * 20, "b": [1] * 20})
    test = set(frame["sha256"][:3]) | set(frame["sha256"][-3:])
    found = splitting.split_by_list(frame, test, 4, 0)
    assert set(found.loc[found["subset"] == "test", "sha256"]) == test
    splitting.check(found, 4)


def test_a_list_of_all_images_is_an_error() -> None:
    frame = images({"a": [1] * 4})
    with pytest.raises(DataError, match="leaves none for training"):
        splitting.split_by_list(frame, set(frame["sha256"]), 4, 0)


def test_a_leak_is_an_error_that_names_images() -> None:
    found = splitting.split(images({"a": [2] * 20, "b": [1] * 20}), 0.2, 4, 0)
    first = found.index[found["source"].str.startswith("a/0/")]
    found.loc[first, "subset"] = ["test", "train"]
    with pytest.raises(
        DataError, match="1 groups of near-duplicates stand on both sides, first a/0"
    ):
        splitting.check(found, 4)


def test_what_is_like_a_given_test_image_is_left_out_of_training() -> None:  # U12
    frame = images({"a": [2] * 20, "b": [1] * 20}).assign(part="", reason="", kept=True)
    test = {frame["sha256"][0], frame["sha256"].iloc[-1]}
    found = splitting.split_by_list(frame, test, 4, 0)
    assert len(found) == len(frame) - 1
    assert splitting.left_out_of_training(frame, found) == 1
    splitting.check(found, 4)


def test_the_test_part_of_the_source_is_taken() -> None:  # D2
    frame = images({"a": [1] * 6}).assign(kept=True)
    parts = ["train", "val", "test", "train", "val", "test"]
    by = frame.assign(part=parts)
    assert splitting.tested_by_source(by) == set(frame["sha256"][[2, 5]])
    without = by.assign(part=[part.replace("test", "train") for part in parts])
    assert splitting.tested_by_source(without) == set(frame["sha256"][[1, 4]])
    with pytest.raises(DataError, match="no image of the source is in a test or validation part"):
        splitting.tested_by_source(frame.assign(part=""))


@given(sizes=group_sizes)
def test_a_class_that_is_too_small_is_an_error_that_lists_it(sizes: dict[str, list[int]]) -> None:
    assume(len(sizes) > 1)  # B14 B15 B16
    sizes = {**sizes, "tiny": [1]}
    found = splitting.split(images(sizes), 0.25, 4, 0)
    with pytest.raises(DataError, match="classes are too small"):
        splitting.check(found, 4)


def test_one_class_is_an_error() -> None:  # B17
    with pytest.raises(DataError, match="at least 2 are needed"):
        splitting.check(splitting.split(images({"a": [1] * 50}), 0.25, 4, 0), 4)


# make test-full: as many as ImageNet-21k has
CLASSES = 10_000 if FULL else 1_000


def test_thousands_of_classes_and_great_imbalance_are_split() -> None:  # B18
    many = images({f"c{n}": [1] * 6 for n in range(CLASSES)} | {"huge": [1] * 10 * CLASSES})
    found = splitting.split(many, 0.25, 3, 0)
    splitting.check(found, 3)
    assert splitting.metrics(found)["leaking_groups"] == 0


def test_metrics_count_subsets_and_classes() -> None:
    found = splitting.split(images({"a": [1] * 8, "b": [1] * 4}), 0.25, 3, 0)
    assert splitting.metrics(found) == {
        "train": 9, "test": 3, "groups": 12, "leaking_groups": 0,
        "per_class": {"test": {"a": 2, "b": 1}, "train": {"a": 6, "b": 3}},
    }  # fmt: skip
