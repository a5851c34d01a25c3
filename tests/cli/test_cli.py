"""The ``swatchbook`` command as a whole."""

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from support.project import ROOT, Project

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


HEAVY = {
    "numpy", "pandas", "scipy", "sklearn", "torch", "torchvision", "matplotlib", "onnx", "cv2",
    "onnxruntime", "openvino", "dvc", "fastapi", "uvicorn", "pyarrow", "pydantic", "aiohttp",
    "faiss",
}  # fmt: skip


def imported_by(*arguments: str, cwd: Path = ROOT, **environment: str) -> set[str]:
    """The packages that running a command imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "swatchbook", *arguments],
        cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    names = re.findall(r"^import time:.*\| +(\w+)", done.stderr, re.M)
    return set(names)


def test_help_is_answered_without_waiting_for_libraries() -> None:
    code = (
        "import sys; from swatchbook.cli import swatchbook; "
        "[swatchbook.get_command(None, name) for name in swatchbook.list_commands(None)]; "
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not HEAVY & set(done.stdout.split())


def test_the_list_of_commands_says_what_their_own_help_says() -> None:
    listed = [name for commands in cli._GROUPS.values() for name in commands]
    assert listed == cli.swatchbook.list_commands(click.Context(cli.swatchbook))
    folder = ROOT / "swatchbook" / "cli"
    for group, commands in cli._GROUPS.items():
        for name, line in commands.items():
            assert (folder / group / f"{name.replace('-', '_')}.py").is_file()
            assert line.endswith(".")
            assert len(line) < 70


# what takes longest to import, and what each may need of it
NEEDED = {
    ("runs",): {"pandas", "numpy", "pydantic", "pyarrow"},
    ("doctor",): {"dvc", "numpy", "openvino", "onnx", "onnxruntime", "pydantic"},
    ("annotate", "show"): {"pandas", "numpy", "pydantic", "pyarrow"},
    ("predict", "IMAGE"): {"numpy", "onnx", "onnxruntime", "openvino"},
}


@pytest.mark.parametrize("command", NEEDED, ids=" ".join)
def test_a_command_imports_no_more_than_it_needs(
    command: tuple[str, ...], finished: Project
) -> None:
    image = next((finished.folder / "data/images").rglob("*.png"))
    arguments = [str(image) if word == "IMAGE" else word for word in command]
    found = imported_by(*arguments, cwd=finished.folder, **finished.environment)
    assert found & HEAVY <= NEEDED[command]
