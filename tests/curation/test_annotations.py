"""Label fixes."""

import os
import re
import subprocess
import sys
from pathlib import Path
from random import Random

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.project import ROOT

from swatchbook.base.errors import DataError
from swatchbook.curation import annotations

A, B, C, GONE = ("a" * 64, "b" * 64, "c" * 64, "0" * 64)
MANIFEST = pd.DataFrame(
    {"sha256": [A, B, C], "label": ["dotted", "striped", "dotted"], "file_sha256": [A, B, C]}
)


def applied(text: str) -> list[str]:
    annotations.FOLDER.mkdir(exist_ok=True)
    for letter in "abc0":
        text = re.sub(rf"^{letter},", f"{letter * 64},", text, flags=re.M)
    Path("annotations/set.csv").write_bytes(b"sha256,label,note,annotator,time\n" + text.encode())
    acts = annotations.read("set")
    return list(annotations.apply(MANIFEST, acts, "set")["annotated"])


def test_without_a_file_nothing_is_annotated() -> None:
    acts = annotations.read("nothing")
    assert set(annotations.apply(MANIFEST, acts, "nothing")["annotated"]) == {""}


def test_the_last_act_on_an_image_wins() -> None:
    acts = (
        "a,striped,,me,1\nb,exclude,,me,2\na,dotted,oops,me,3\nb,,back,me,4\n0,dotted,gone,me,5\n"
    )
    assert applied(acts) == ["dotted", "", ""]


def test_a_class_that_is_gone_changes_nothing_and_is_said_with_its_line() -> None:  # D5
    assert applied("a,dotted,,,\nb,dottd,,,\n") == ["dotted", "", ""]
    (said,) = annotations.unknown(MANIFEST, annotations.read("set"), "set")
    assert said.startswith("annotations/set.csv, line 3: class 'dottd' is not there. Did you mean")
    assert f"swatchbook annotate relabel {B[:16]} --label" in said
    # only the act in force counts
    assert applied("a,dotted,,,\nb,dottd,,,\nb,,,,\n") == ["dotted", "", ""]
    assert annotations.unknown(MANIFEST, annotations.read("set"), "set") == []


def test_names_in_two_forms_of_unicode_are_one() -> None:  # D6
    frame = MANIFEST.assign(label=["caf\xe9", "dotted", "striped"])
    Path("annotations").mkdir(exist_ok=True)
    Path("annotations/set.csv").write_text(f"sha256,label\n{B},cafe\u0301\n")
    assert list(annotations.apply(frame, annotations.read("set"), "set")["annotated"]) == [
        "", "caf\xe9", "",
    ]  # fmt: skip
    found = FOUND.assign(label="caf\xe9", source=["cafe\u0301/1.png", "b", "c", "d"])
    assert annotations.check_class(found, "cafe\u0301", "set") == "caf\xe9"
    assert annotations.find(found, "caf\xe9/1.png") == FOUND["sha256"][0]


def test_a_class_can_be_new() -> None:  # D15
    with pytest.raises(DataError, match="To make a new one: --new-class"):
        annotations.check_class(FOUND, "plain", "set")
    path = annotations.add_class("set", "plain")
    annotations.add_class("set", "ebony")
    assert path.read_text() == "ebony\nplain\n"
    assert annotations.check_class(FOUND, "plain", "set") == "plain"
    assert applied("a,plain,,,\n") == ["plain", "", ""]


def test_a_class_called_exclude_is_an_error() -> None:
    frame = pd.DataFrame({"sha256": [A], "label": ["exclude"]})
    with pytest.raises(DataError, match="can't be called 'exclude'"):
        annotations.apply(frame, annotations.read("set"), "set")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("aaaa,dotted,,,\n", "line 2: 'aaaa' is no digest"),
        ("a,dotted,no, really,me,1\n", "not a table: Length of header"),
        ("a,dotted,,,\n'x\n", "line 3: .* is no digest"),
    ],
)
def test_a_damaged_row_is_an_error(text: str, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        applied(text)


def test_lines_of_another_system_are_read() -> None:
    annotations.FOLDER.mkdir()
    rows = f"\ufeffsha256,label\r\n{A},striped\r\n"
    Path("annotations/set.csv").write_bytes(rows.encode())
    found = annotations.apply(MANIFEST, annotations.read("set"), "set")
    assert list(found["annotated"]) == ["striped", "", ""]


def append(images: str, label: str, **options: str) -> None:
    options = {"note": "", "annotator": "me", **options}
    annotations.append("set", dict.fromkeys([letter * 64 for letter in images], label), **options)


def labels() -> dict[str, str]:
    return {
        key[0]: label for key, label in annotations.latest(annotations.read("set"))["label"].items()
    }


def test_acts_are_appended_and_earlier_rows_stay_as_they_are() -> None:
    applied('a,striped,"a note, with a comma",me,2026-01-01\n')
    before = Path("annotations/set.csv").read_text()
    append("ab", "dotted", note="=cmd|' /C calc'!A0", annotator="Zoë")
    after = Path("annotations/set.csv").read_text()
    assert after.startswith(before)
    assert ",'=cmd|' /C calc'!A0,Zoë," in after  # B10: no formula for a spreadsheet
    assert annotations.read("set")["note"].iloc[-1] == "=cmd|' /C calc'!A0"
    assert labels() == {"a": "dotted", "b": "dotted"}


def test_columns_that_people_added_are_kept() -> None:
    annotations.FOLDER.mkdir()
    Path("annotations/set.csv").write_text(f"sha256,label,seen\n{A},dotted,twice\n")
    append("b", "striped")
    acts = annotations.read("set")
    assert list(acts["seen"]) == ["twice", ""]
    assert list(acts["label"]) == ["dotted", "striped"]


def test_acts_without_a_time_keep_the_files_order() -> None:
    assert applied("a,exclude,,,\na,dotted,,,\nb,striped,,,\nb,,,,\n") == ["dotted", "", ""]


def test_a_clock_that_ran_ahead_does_not_make_later_acts_vain() -> None:
    applied("a,striped,,me,2099-01-01T00:00:00+00:00\n")
    append("a", "")
    assert labels() == {"a": ""}


def test_a_header_as_spreadsheets_write_it_is_read() -> None:
    annotations.FOLDER.mkdir()
    Path("annotations/set.csv").write_text(f"sha256,label,note,\n{A},dotted,,\n")
    assert list(annotations.read("set")["label"]) == ["dotted"]


def test_a_class_of_which_no_image_can_be_used_is_not_known() -> None:
    with pytest.raises(DataError, match="class 'leopard' is not known"):
        annotations.check_class(FOUND.assign(label=["a", "a", "a", "leopard"]), "leopard", "set")


def test_an_act_with_a_later_time_wins_wherever_its_row_stands() -> None:
    assert applied("a,striped,,me,2026-02-01\na,dotted,,you,2026-01-01\n") == ["striped", "", ""]
    assert applied("a,striped,,me,2026-02-01\na,dotted,,,\n") == ["striped", "", ""]


ACTS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["dotted", "striped", "exclude", ""])),
    max_size=6,
)


@given(ACTS, ACTS, ACTS, st.randoms(use_true_random=False))
def test_any_merge_of_what_two_people_appended_gives_the_same_labels(
    common: list[tuple[str, str]],
    mine: list[tuple[str, str]],
    yours: list[tuple[str, str]],
    random: Random,
) -> None:
    def rows(acts: list[tuple[str, str]], who: str, start: int) -> list[str]:
        return [
            f"{image * 64},{label},,{who},2026-01-01T00:00:{start + number:02}"
            for number, (image, label) in enumerate(acts)
        ]

    base, left, right = rows(common, "us", 0), rows(mine, "me", 9), rows(yours, "you", 9)
    found = []
    for _ in range(3):
        merged, parts = list(base), [list(left), list(right)]
        while parts[0] or parts[1]:
            part = random.choice([part for part in parts if part])
            merged.append(part.pop(0))
        annotations.FOLDER.mkdir(exist_ok=True)
        header = "sha256,label,note,annotator,time"
        Path("annotations/set.csv").write_text("\n".join([header, *merged]) + "\n")
        found.append(labels())
    assert found[0] == found[1] == found[2]


WRITER = """
import sys
from swatchbook.curation import annotations
for number in range(20):
    annotations.append("set", {f"{sys.argv[1]}{number:02}".ljust(64, "0"): "dotted"}, "", "me")
"""


def test_two_writers_at_once_lose_nothing() -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, name],
            env={**os.environ, "PYTHONPATH": str(ROOT), "SWATCHBOOK_CACHE": f"cache-{name}"},
        )
        for name in "ab"
    ]
    assert [process.wait(60) for process in processes] == [0, 0]
    acts = annotations.read("set")
    assert len(acts) == acts["sha256"].nunique() == 40
    assert list(acts["time"]) == sorted(acts["time"])


FOUND = pd.DataFrame(
    {
        "sha256": [f"abcd{'0' * 60}", f"abce{'0' * 60}", f"abce{'0' * 60}", ""],
        "path": [
            "data/images/ab/abcd.png",
            "data/images/ab/abce.png",
            "data/images/ab/abce.png",
            "",
        ],
        "source": ["dotted/1.png", "dotted/2.png", "striped/2.png", "dotted/bad.png"],
        "label": ["dotted", "dotted", "striped", "dotted"],
        "status": ["ok", "ok", "ok", "quarantined"],
        "reason": ["", "", "", "truncated"],
        "file_sha256": [f"abcd{'0' * 60}", f"ffee{'0' * 60}", f"ffee{'0' * 60}", ""],
    }
)


@pytest.mark.parametrize(
    "name", ["abcd", "ABCD000", f"abcd{'0' * 60}", "data/images/ab/abcd.png", "dotted/1.png"]
)
def test_an_image_is_found_by_digest_path_or_source(name: str) -> None:
    assert annotations.find(FOUND, name) == f"abcd{'0' * 60}"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("abc", "no image 'abc'"), ("ffff", "no image 'ffff'"),
        ("dotted/bad.png", "no usable image .truncated., and needs no act"),
        ("dotted/1.pmg", "Did you mean 'dotted/1.png'"), ("", "no image ''"),
    ],
)  # fmt: skip
def test_what_is_no_image_is_an_error(name: str, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        annotations.find(FOUND, name)


def test_an_act_on_a_file_outlives_its_reduction() -> None:
    file, stored = f"ffee{'0' * 60}", f"abce{'0' * 60}"
    assert annotations.find(FOUND, "ffee") == annotations.find(FOUND, "abce") == stored
    assert annotations.on_files({stored: "striped"}, FOUND) == {file: "striped"}
    annotations.append("set", {file: "striped"}, "", "me")
    acts = annotations.read("set")
    assert list(annotations.on_images(acts, FOUND)["sha256"]) == [stored]
    usable = FOUND[FOUND["status"] == "ok"]
    assert list(annotations.apply(usable, acts, "set")["annotated"]) == ["", "striped", "striped"]
    whole = usable.assign(sha256=usable["file_sha256"])  # acquire.max_side is 0 again
    assert list(annotations.apply(whole, acts, "set")["annotated"]) == ["", "striped", "striped"]


def test_a_prefix_of_several_digests_is_an_error() -> None:
    twins = FOUND.assign(sha256=["abcd1".ljust(64, "0"), "abcd2".ljust(64, "0"), "", ""])
    with pytest.raises(DataError, match="'abcd' means 2 images, abcd1000"):
        annotations.find(twins, "abcd")


def test_the_label_now_is_the_last_acts_or_the_folders() -> None:
    none = annotations.read("set")
    assert annotations.label_of(FOUND, none, FOUND["sha256"][0]) == "dotted"
    with pytest.raises(DataError, match="is in the classes dotted, striped"):
        annotations.label_of(FOUND, none, FOUND["sha256"][1])
    annotations.append("set", {FOUND["sha256"][1]: "striped"}, "", "me")
    assert annotations.label_of(FOUND, annotations.read("set"), FOUND["sha256"][1]) == "striped"
