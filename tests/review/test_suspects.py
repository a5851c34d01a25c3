"""Suspects: wrong labels are found, and nothing is said of what a person has decided."""

import numpy as np
import pandas as pd
import pytest

from swatchbook.curation import duplicates
from swatchbook.project import tables
from swatchbook.review import suspects
from swatchbook.review.image_quality import Look


def predictions(
    count: int = 300, flipped: int = 30, seed: int = 0
) -> tuple[pd.DataFrame, set[str]]:
    """Three classes with some labels changed; probabilities are those of the true class, noisy."""
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, count)
    labels = truth.copy()
    wrong = random.choice(count, flipped, replace=False)
    labels[wrong] = (truth[wrong] + random.integers(1, 3, flipped)) % 3
    logits = random.normal(0, 1, (count, 3))
    logits[np.arange(count), truth] += 3
    # the classifier is shy of the last class
    logits[:, 2] -= 1.5
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    frame = pd.DataFrame(chances, columns=["p_a", "p_b", "p_c"])
    names = [f"{number:064x}" for number in range(count)]
    frame.insert(0, "sha256", names)
    frame["path"] = "p"
    frame["label"] = np.array(["a", "b", "c"])[labels]
    frame["subset"] = np.where(np.arange(count) % 4 == 0, "test", "train")
    return frame, {names[number] for number in wrong}


def test_wrong_labels_are_found_and_come_first() -> None:
    frame, wrong = predictions()
    found = suspects.label_errors(frame).sort_values("score", ascending=False)
    hits = [sha256 in wrong for sha256 in found["sha256"]]
    assert sum(hits) >= 0.8 * len(wrong)
    assert np.mean(hits[:20]) >= 0.9
    assert set(found["subset"]) == {"train", "test"}
    assert (found["suggested"] != found["label"]).all()


def test_a_classifier_that_is_shy_of_a_class_raises_fewer_false_alarms() -> None:
    """Than where the highest probability alone decides."""
    frame, wrong = predictions(2000, 200)
    found = set(suspects.label_errors(frame)["sha256"])
    highest = np.array(["a", "b", "c"])[frame[["p_a", "p_b", "p_c"]].to_numpy().argmax(1)]
    plain = set(frame.loc[highest != frame["label"], "sha256"])
    assert len(found & wrong) / len(found) > 1.2 * len(plain & wrong) / len(plain)


def test_right_labels_of_a_sure_classifier_raise_no_suspicion() -> None:
    frame = pd.DataFrame(
        {"sha256": list("wxyz"), "path": "p", "label": list("aabb"), "subset": "train",
         "p_a": [0.9, 0.8, 0.1, 0.2], "p_b": [0.1, 0.2, 0.9, 0.8]}
    )  # fmt: skip
    assert suspects.label_errors(frame).empty


def curated(rows: list[tuple[str, str, str, bool, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["sha256", "label", "group", "kept", "reason"]).assign(
        path="p"
    )


def test_bytes_in_two_classes_are_one_suspect() -> None:
    found = suspects.conflicts(
        curated([
            ("x", "a", "g", False, "conflict: in classes a | b"),
            ("x", "b", "g", False, "conflict: in classes a | b"),
            ("y", "a", "h", True, ""),
        ])
    )  # fmt: skip
    assert found[["sha256", "kind", "why"]].to_numpy().tolist() == [
        ["x", "conflict", "in classes a | b"]
    ]


@pytest.mark.parametrize("keep", ["one", "all"])
def test_of_near_duplicates_in_two_classes_the_rarer_label_is_the_suspect(keep: str) -> None:
    """Whatever dedupe keeps of a group."""
    manifest = pd.DataFrame(
        {"sha256": list("stuvw"), "path": "p", "label": list("zzzab"), "source": list("stuvw"),
         "dhash": ["0" * 63 + "1"] * 4 + ["f" * 64], "annotated": "", "width": 9, "height": 9,
         "bytes": 9, "part": "", "colours": ""}
    )  # fmt: skip
    found = suspects.near_duplicates(duplicates.curate(manifest, 20, keep), {"v": "train"})
    assert found[["sha256", "label", "suggested", "subset"]].to_numpy().tolist() == [
        ["v", "a", "z", "train"]
    ]


def split(names: str) -> pd.DataFrame:
    return pd.DataFrame(
        {"sha256": list(names), "path": "p", "label": "a", "subset": "train", "width": 100,
         "height": 100}
    )  # fmt: skip


def test_a_picture_far_from_all_others_is_an_outlier() -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(0, 0.1, (26, 8)) + np.eye(8)[0]
    vectors[3] = np.eye(8)[5]
    found = suspects.outliers(split("abcdefghijklmnopqrstuvwxyz"), vectors.astype("f"), 5, 8.0)
    assert list(found["sha256"]) == ["d"]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_images_have_no_outliers(count: int) -> None:
    assert suspects.outliers(split("ab"[:count]), np.ones((count, 4), "f"), 10, 5.0).empty


def test_poor_pictures_are_told_by_kind() -> None:
    rows = split("abcdefg")
    rows.loc[6, "height"] = 20
    looks = dict.fromkeys("abcdefg", Look(128, 50, 400))
    looks |= {"b": Look(10, 20, 400), "c": Look(250, 20, 400), "d": Look(128, 2, 400)}
    looks |= {"e": Look(128, 50, 10)}
    del looks["f"]  # can't be read
    found = suspects.poor(rows, looks, 224).set_index("sha256")["kind"].to_dict()
    assert found["b"] == "dark"
    assert (found["c"], found["d"], found["e"], found["g"]) == ("bright", "flat", "blurred", "tiny")
    assert "f" not in found


def test_the_poorest_of_a_kind_comes_first() -> None:
    rows = split("abc")
    looks = {"a": Look(20, 20, 400), "b": Look(2, 20, 400), "c": Look(12, 20, 400)}
    found = suspects.ranked([suspects.poor(rows, looks, 64)], set())
    assert list(found["sha256"]) == ["b", "c", "a"]
    assert found["score"].between(0, 1).all()


def test_no_pictures_are_not_poor() -> None:
    assert suspects.poor(split(""), {}, 64).empty


def test_what_a_person_has_decided_is_left_out_and_the_rest_ranked() -> None:
    frame, _ = predictions()
    errors = suspects.label_errors(frame)
    clash = suspects.conflicts(curated([("x", "a", "g", False, "conflict: in classes a | b")]))
    decided = {str(errors["sha256"].iloc[0])}
    found = suspects.ranked([errors, clash], decided)
    assert found["kind"].iloc[0] == "conflict"
    assert list(found["score"][1:]) == sorted(found["score"][1:], reverse=True)
    assert not decided & set(found["sha256"])
    assert list(found) == list(tables.SUSPECTS.columns)
