"""The file of acts: what is appended is there as a whole or not at all, whatever the file was."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.project import ROOT

from swatchbook.base.errors import DataError
from swatchbook.curation import acts_file

PATH = Path("set.csv")
HEADER = "sha256,label,note,annotator,time"
A, B = "a" * 64, "b" * 64


def append(label: str = "dotted", note: str = "", last: str | None = None) -> str:
    with acts_file.locked(PATH):
        return acts_file.append(PATH, {A: label, B: label}, note, "me", last)


def labels() -> list[str]:
    return list(acts_file.read(PATH)["label"])


def test_only_the_new_rows_are_written() -> None:
    first = append()
    before, number = PATH.read_bytes(), PATH.stat().st_ino
    second = append("striped", "=1+1\nand more")
    assert PATH.stat().st_ino == number
    assert PATH.read_bytes().startswith(before)
    assert first < second
    assert labels() == ["dotted", "dotted", "striped", "striped"]
    assert set(acts_file.read(PATH)["note"][2:]) == {"=1+1 and more"}


@pytest.mark.parametrize(
    "text",
    [f"{HEADER}\n{A},dotted,,,\n", f"{HEADER}\n{A},dotted,,,", f"{HEADER}\n{A},dotted",
     f"{HEADER}\r\n{A},dotted,,,\r\n", f"\ufeff{HEADER}\r\n{A},dotted,,,2026-02-01", HEADER,
     f"sha256,label\n{A},dotted", f"time,label,sha256\n,dotted,{A}\n"],
)  # fmt: skip
def test_files_as_people_leave_them_are_added_to(text: str) -> None:
    PATH.write_bytes(text.encode())
    before = labels()
    append("striped")
    assert labels() == [*before, "striped", "striped"]


def test_a_known_last_time_is_taken_at_its_word() -> None:
    PATH.write_text(f"{HEADER}\n{A},dotted,,me,2026-01-01T00:00:00.000000+00:00\n")
    assert append(last="2098-01-01T00:00:00.000000+00:00").startswith("2098")
    assert append().startswith("2098")  # and found where it isn't given


@pytest.mark.parametrize("kind", ["nothing", "zeros", "half", "all but the first"])
def test_what_a_power_cut_left_is_no_row(kind: str) -> None:
    append()
    before = PATH.read_bytes()
    append("striped")
    added = PATH.read_bytes()[len(before) :]
    left = {
        "nothing": b"", "zeros": bytes(len(added)), "half": b"\0" + added[1:40],
        "all but the first": b"\0" + added[1:],
    }[kind]  # fmt: skip
    PATH.write_bytes(before + left)
    assert labels() == ["dotted", "dotted"]
    append("plain")
    assert labels() == ["dotted", "dotted", "plain", "plain"]
    assert b"\0" not in PATH.read_bytes()


def test_utf_16_is_told() -> None:
    PATH.write_bytes(f"{HEADER}\n{A},dotted,,,\n".encode("utf-16"))
    with pytest.raises(DataError, match=r"set\.csv: not a table"):
        append()


WRITER = """
import sys
from pathlib import Path
from swatchbook.curation import acts_file
while True:
    with acts_file.locked(Path("set.csv")):
        acts_file.append(Path("set.csv"), {"a" * 64: "one", "b" * 64: "two"}, "", "me")
    print(flush=True)
"""


def test_kill_9_at_any_moment_loses_nothing_that_was_answered() -> None:
    answered = 0
    for number in range(8):
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(
            [sys.executable, "-c", WRITER], env=environment, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout
            for _ in range(3 + 2 * number):
                process.stdout.readline()
                answered += 1
            process.kill()
            answered += len(process.stdout.read())
        found = acts_file.read(PATH)
        assert list(found["label"]) == ["one", "two"] * (len(found) // 2)
        assert answered <= len(found) // 2 <= answered + number + 1
