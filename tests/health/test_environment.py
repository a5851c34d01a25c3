"""A project that was moved takes its environment along."""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from swatchbook.health import environment


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    venv.create(tmp_path / "first/.venv", symlinks=True)
    programs = tmp_path / "first/.venv/bin"
    for name, line in (
        ("tool", f"#!{programs}/python\n"),
        ("other", f"#!/bin/sh\n'''exec' \"{programs}/python3\" \"$0\" \"$@\"\n' '''\n"),
    ):
        (programs / name).write_text(f"{line}import sys\nprint(sys.prefix)\n")
        (programs / name).chmod(0o755)
    (programs / "own").write_text(f'#!/bin/sh\nexec "{programs}/python" -c "import sys" "$@"\n')
    (programs / "foreign").write_text("#!/usr/bin/env bash\n")
    (programs / "program").write_bytes(b"\x7fELF\0\0python")
    return programs


@pytest.mark.parametrize("name", ["second", "with a space", "x" * 120])
def test_commands_run_again_where_the_environment_was_moved_to(folder: Path, name: str) -> None:
    assert environment.commands(folder) == []
    moved = folder.parents[2] / name / ".venv/bin"
    shutil.move(folder.parents[1], moved.parents[1])
    assert {path.name for path in environment.commands(moved)} == {"tool", "other", "own"}
    done = subprocess.run(
        [sys.executable, "-m", "swatchbook.health.environment", str(moved)],
        cwd=Path(environment.__file__).parents[2], capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "3 commands name its place again" in done.stdout
    for tool in ("tool", "other"):
        said = subprocess.run([moved / tool], capture_output=True, text=True, check=True).stdout
        assert said.strip() == str(moved.parent)
    assert str(moved.parent) in (moved / "activate").read_text()
    assert environment.mend(moved) == 0
