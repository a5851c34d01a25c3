"""The report of an examination: what is said, mended and counted."""

import pytest

from swatchbook.base.errors import DataError
from swatchbook.health.findings import Finding, report


def refuse() -> str:
    raise DataError("no copy is left")


def test_a_problem_counts_until_it_is_mended(capsys: pytest.CaptureFixture[str]) -> None:
    found = [Finding("ok", "fine"), Finding("problem", "torn", lambda: "laid aside")]
    assert report(found, fix=False) == 1
    assert capsys.readouterr().out == "ok: fine\nproblem: torn (--fix mends it)\n"
    assert report(found, fix=True) == 0
    assert capsys.readouterr().out == "ok: fine\nproblem: torn\nfixed: laid aside\n"


def test_what_cannot_be_mended_remains(capsys: pytest.CaptureFixture[str]) -> None:
    assert report([Finding("problem", "torn", refuse)], fix=True) == 1
    assert capsys.readouterr().out == "problem: torn\nnot fixed: no copy is left\n"
    assert report([Finding("problem", "absent")], fix=True) == 1


def test_what_a_file_is_called_does_not_command_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report([Finding("note", "a\x1b[2Jb")], fix=False)
    assert "\x1b" not in capsys.readouterr().out
