"""Acts of a browser: rows in git that can be undone, and two people at once lose nothing."""

import time
from pathlib import Path

import pytest

from benchmarks.made_tables import digest, write_tables
from swatchbook.base.errors import DataError
from swatchbook.browser.data import columns
from swatchbook.browser.data.columns import Columns
from swatchbook.browser.data.query import EXCLUDED, NO_ACT
from swatchbook.browser.labels.acts import Acts, Conflict
from swatchbook.curation import annotations
from swatchbook.project import tables


@pytest.fixture
def tabled() -> Columns:
    write_tables(20)
    return columns.load()


def latest() -> dict[str, str]:
    """What `dvc repro` would apply."""
    return dict(annotations.latest(annotations.read("made"))["label"])


def test_what_is_said_is_what_the_pipeline_reads(tabled: Columns) -> None:
    acts = Acts("made", tabled, "ann")
    acts.do({3: "striped", 4: "exclude"}, "label")
    acts.do({5: "plain"}, "")
    assert latest() == {digest(3): "striped", digest(4): "exclude", digest(5): "plain"}
    assert acts.codes[[3, 4, 5, 6]].tolist() == [2, EXCLUDED, 1, NO_ACT]
    (one,) = acts.of(digest(3))
    assert (one.label, one.note, one.annotator) == ("striped", "label", "ann")
    assert acts.latest == max(annotations.read("made")["time"])
    # another process sees the same
    assert Acts("made", tabled, "bob").codes.tolist() == acts.codes.tolist()


def test_undo_and_redo_outlive_a_restart(tabled: Columns) -> None:
    acts = Acts("made", tabled, "ann")
    acts.do({3: "striped"}, "")
    acts.do({3: "plain", 4: "plain"}, "")
    acts = Acts("made", tabled, "ann")
    assert acts.can == {"undo": "2 images → plain", "redo": ""}
    acts.undo()
    assert latest() == {digest(3): "striped", digest(4): ""}
    acts = Acts("made", tabled, "ann")
    acts.undo()
    assert latest()[digest(3)] == ""
    assert acts.codes[3] == NO_ACT
    acts = Acts("made", tabled, "ann")
    assert acts.can == {"undo": "", "redo": "1 image → striped"}
    acts.redo()
    acts.redo()
    assert latest() == {digest(3): "plain", digest(4): "plain"}
    # and what was done again can be undone again
    acts = Acts("made", tabled, "ann")
    acts.undo()
    assert latest() == {digest(3): "striped", digest(4): ""}
    acts.do({7: "exclude"}, "")
    assert acts.can["redo"] == ""
    with pytest.raises(DataError, match="nothing to do again"):
        acts.redo()


def test_any_mixture_of_do_undo_and_redo_is_a_plain_stack(tabled: Columns) -> None:
    import random

    chance = random.Random(3)
    acts = Acts("made", tabled, "ann")
    past: list[dict[str, str]] = [{}]
    future: list[dict[str, str]] = []
    for _ in range(60):
        step = chance.choice(["do", "do", "undo", "redo"])
        if step == "do":
            labels = {
                row: chance.choice(["plain", "dotted", "exclude"])
                for row in chance.sample(range(6), 2)
            }
            acts.do(labels, "")
            past.append({**past[-1], **{digest(row): label for row, label in labels.items()}})
            future = []
        elif step == "undo" and len(past) > 1:
            acts.undo()
            future.append(past.pop())
        elif step == "redo" and future:
            acts.redo()
            past.append(future.pop())
        if chance.random() < 0.2:
            acts = Acts("made", tabled, "ann")
        assert {image: label for image, label in latest().items() if label} == past[-1]


def test_what_somebody_else_said_meanwhile_is_not_written_over(tabled: Columns) -> None:
    mine, yours = Acts("made", tabled, "ann"), Acts("made", tabled, "bob")
    time_of = yours.do({3: "striped"}, "")
    before = Path("annotations/made.csv").read_bytes()
    with pytest.raises(Conflict, match="bob has said something of") as found:
        mine.do({3: "plain", 4: "plain"}, "", {3: "", 4: ""})
    assert [act.label for act in found.value.acts] == ["striped"]
    with pytest.raises(Conflict):
        mine.do({3: "plain"}, "", until="2020-01-01")
    assert Path("annotations/made.csv").read_bytes() == before
    mine.do({3: "plain"}, "", {3: time_of})
    assert latest()[digest(3)] == "plain"
    # and an undo of what somebody overrode is refused by name
    with pytest.raises(Conflict, match="ann has said"):
        yours.undo()
    # nor is what was undone done again over what somebody said since
    mine.undo()
    yours.do({3: "dotted"}, "")
    with pytest.raises(Conflict, match="bob has said"):
        mine.redo()


def test_undo_takes_back_ones_own_acts_only(tabled: Columns) -> None:
    mine, yours = Acts("made", tabled, "ann"), Acts("made", tabled, "bob")
    mine.do({1: "plain"}, "")
    yours.do({2: "plain"}, "")
    mine.undo()
    assert latest() == {digest(1): "", digest(2): "plain"}


def test_what_the_terminal_wrote_is_seen(tabled: Columns) -> None:
    acts = Acts("made", tabled, "ann")
    annotations.append("made", {digest(3): "striped"}, "", "ann")
    acts.refresh()
    assert acts.codes[3] == 2
    assert acts.can["undo"] == "1 image → striped"


def test_classes_are_checked_and_new_ones_known(tabled: Columns) -> None:
    acts = Acts("made", tabled, "ann")
    with pytest.raises(DataError, match="class 'checked' is not known"):
        acts.do({1: "checked"}, "")
    annotations.add_class("made", "checked")
    acts = Acts("made", tabled, "ann")
    acts.do({1: "checked"}, "")
    assert acts.classes[acts.codes[1]] == "checked"


def test_acts_stand_by_the_file_as_it_came(tabled: Columns) -> None:
    manifest = tables.MANIFEST.read()
    manifest.loc[3, "file_sha256"] = digest(77)
    tables.MANIFEST.write(manifest)
    acts = Acts("made", columns.load(), "ann")
    acts.do({3: "striped"}, "")
    assert latest() == {digest(77): "striped"}
    assert Acts("made", columns.load(), "ann").codes[3] == 2


def test_many_acts_before_make_none_slow(tabled: Columns) -> None:
    rows = "".join(
        f"{digest(number)},plain,,ann,2026-01-01T00:00:00.{number:06}+00:00\n"
        for number in range(20_000)
    )
    path = annotations.path_of("made")
    path.parent.mkdir()
    path.write_text(f"sha256,label,note,annotator,time\n{rows}")
    acts = Acts("made", tabled, "ann")
    # by what is written, not by the clock
    number, size = path.stat().st_ino, path.stat().st_size
    acts.do({3: "striped"}, "")
    assert path.stat().st_ino == number
    assert path.stat().st_size - size < 200
    assert time.strftime("%Y") in acts.latest


def test_a_class_is_made_once_and_by_a_name_that_all_systems_allow(tabled: Columns) -> None:
    acts = Acts("made", tabled, "ann")
    assert acts.add_class(" che\u0301cked ") == "ch\u00e9cked"
    assert acts.add_class("ch\u00e9cked") == "ch\u00e9cked"
    assert annotations.new_classes("made") == ["ch\u00e9cked"]
    acts.do({1: "ch\u00e9cked"}, "")
    assert acts.classes[acts.codes[1]] == "ch\u00e9cked"
    for name, said in (
        ("", "not a name"), ("a/b", "not a name"), ("exclude", "leave images out"),
        ("PLAIN", "differ in case"),
    ):  # fmt: skip
        with pytest.raises(DataError, match=said):
            acts.add_class(name)
    assert annotations.new_classes("made") == ["ch\u00e9cked"]
