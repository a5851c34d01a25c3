"""The shell of every stage: one line, the right exit code, one writer at a time."""

import sys
from pathlib import Path

import pytest

from swatchbook.base import files
from swatchbook.base.errors import DataError
from swatchbook.project import stage


def run(main: object, capsys: pytest.CaptureFixture[str]) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as ended:
        stage.run(main)  # type: ignore[arg-type]
    out, err = capsys.readouterr()
    return ended.value.code, out, err


@pytest.fixture(autouse=True)
def as_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/split.py"])


def test_a_stage_prints_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(lambda: "3 images", capsys) == (0, "split: 3 images\n", "")


def test_an_error_is_one_line_and_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> str:
        raise DataError("no images")

    assert run(fail, capsys) == (2, "", "error: no images\n")


def test_a_full_disk_is_one_line_and_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> str:
        raise OSError(28, "No space left on device")

    assert run(fail, capsys) == (2, "", "error: split: [Errno 28] No space left on device\n")


def test_ctrl_c_ends_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> str:
        raise KeyboardInterrupt

    assert run(fail, capsys) == (130, "", "")


def test_a_bug_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        stage.run(lambda: str(1 / 0))


def test_a_second_stage_in_the_same_folder_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with files.locked(stage.lock_of(Path.cwd()), "first"):
        code, _, err = run(lambda: "never", capsys)
    assert code == 2
    assert "another stage is at work in this folder" in err
