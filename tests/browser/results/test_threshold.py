"""What answering from a confidence on brings is what one counts by hand; and it is written down."""

import numpy as np
import pandas as pd
import pytest
from support.browsing import Browsing
from support.project import Project

from benchmarks.made_tables import write_tables
from swatchbook.browser.data import columns
from swatchbook.browser.results import threshold


def test_what_a_threshold_brings_is_counted_on_both_parts() -> None:
    made = write_tables(600)
    frame = made["predictions"]
    rules = threshold.rules(columns.load())
    assert rules[0]["threshold"] == 0
    assert rules[0]["answered"] == rules[0]["test_answered"] == 1
    for rule in rules[:: len(rules) // 7]:
        # a column has fewer digits than a table
        at = np.float32(rule["threshold"]) - 1e-6
        for subset, prefix in (("train", ""), ("test", "test_")):
            part = frame[frame["subset"] == subset]
            answered = part[part["confidence"] >= at]
            share = len(answered) / len(part)
            assert rule[f"{prefix}answered"] == pytest.approx(share, abs=0.01)
            if len(answered) > 20:
                wrong = (answered["predicted"] != answered["label"]).mean()
                assert rule[f"{prefix}error"] == pytest.approx(wrong, abs=0.02)
        assert rule["bound"] >= rule["error"]


def test_of_each_class_what_is_answered_and_right() -> None:
    frame = write_tables(600)["predictions"].query("subset == 'train'")
    for at in (0.0, 0.6, 1.1):
        sure = frame[frame["confidence"] >= at]
        found = threshold.by_class(columns.load(), at)
        assert [one["label"] for one in found] == sorted(frame["label"].unique())
        for one in found:
            own, said = (sure[sure[name] == one["label"]] for name in ("label", "predicted"))
            images = (frame["label"] == one["label"]).sum()
            assert (one["images"], one["answered"]) == (images, pytest.approx(len(own) / images))
            for rows, name in ((own, "recall"), (said, "precision")):
                share = (rows["label"] == rows["predicted"]).mean() if len(rows) else None
                assert one[name] == (None if share is None else pytest.approx(share))


def test_without_predictions_there_is_none() -> None:
    write_tables(30)
    frame = pd.read_csv("data/predictions.csv")
    frame.iloc[:0].to_csv("data/predictions.csv", index=False)
    assert threshold.rules(columns.load()) == []


def test_it_is_written_to_one_line_and_only_the_bundle_is_made_anew(
    browse: Browsing, project: Project
) -> None:
    path = project.folder / "params.yaml"
    before = path.read_text().splitlines()
    assert browse.get("/api/thresholds").json()["written"] == 0
    told = browse.post("/api/thresholds", {"threshold": 0.75, "before": 0})
    assert told.json() == {"written": 0.75}
    after = path.read_text().splitlines()
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    ((old, new),) = changed
    assert new.split("#")[0].split() == ["threshold:", "0.75"]
    assert new.partition("#")[2] == old.partition("#")[2] != ""
    # what somebody else has written meanwhile stays
    late = browse.post("/api/thresholds", {"threshold": 0.5, "before": 0})
    assert late.status_code == 409
    assert "bundle.threshold is 0.75 by now, not 0" in late.json()["error"]
    assert browse.post("/api/thresholds", {"threshold": 2, "before": 0.75}).status_code == 422
    assert project.repro() == {"bundle"}
    picture = next((project.folder / "data/images").glob("*/*"))
    said = project.run("python", "-m", "swatchbook", "predict", str(picture))
    assert "predict: not sure below 0.75 (bundle.threshold)" in said.stderr
