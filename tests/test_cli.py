"""The ``swatchbook`` command as a whole."""

import subprocess
import sys

import pytest
from conftest import ROOT

from swatchbook import cli


def test_a_typo_is_an_error_with_a_suggestion(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["swatchbook", "anotate"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: swatchbook: 'anotate' is no command. Did you mean 'annotate'?")
    assert said.count("\n") == 1


def test_a_command_imports_no_more_than_it_needs() -> None:
    code = (
        "import sys; from swatchbook.cli import init; "
        "assert not {'sklearn', 'torch', 'openvino', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
