"""The tests that a change asks for: of its rooms, and of those that may import them.

``python -m tests.support.changed [REVISION]`` prints them; without a revision the change is what
is not committed yet.
"""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.rooms import allowed

ROOT = Path(__file__).parents[2]
# of no room: every stage and the whole
_ALL = ("dvc.yaml", "params.yaml", "requirements", "constraints", "pyproject", "tests/support")


def chosen(files: list[str], rooms: dict[str, set[str]], folders: set[str]) -> list[str]:
    """Folders and files of tests for changed ``files``; ``folders`` of tests there are."""
    if any(file.startswith(_ALL) for file in files):
        return ["tests"]
    touched = {parts[1] for file in files if (parts := file.split("/"))[0] == "swatchbook"}
    found = {room for room, may in rooms.items() if room in touched or may & touched}
    if touched or any(file.startswith("stages/") for file in files):
        found |= {"stages", "docs"}
    if any(file.endswith(".md") for file in files):
        found.add("docs")
    own = {file for file in files if Path(file).name.startswith("test_") and file.endswith(".py")}
    own = {file for file in own if file.split("/")[1] not in found}
    return [*sorted(f"tests/{name}" for name in found & folders), *sorted(own)]


def _changed(since: str) -> list[str]:
    command = ["git", "diff", "--name-only", since or "HEAD"]
    named = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    command = ["git", "ls-files", "--others", "--exclude-standard"]
    fresh = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [*named.splitlines(), *fresh.splitlines()]


if __name__ == "__main__":
    there = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir()}
    files = _changed(*sys.argv[1:2] or [""])
    print(*(chosen(files, allowed(), there) or ["tests/docs"]))
