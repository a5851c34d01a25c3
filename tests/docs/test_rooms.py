"""docs/architecture.md against the code: every room is there, and imports what its line allows."""

from pathlib import Path

import pytest
from support.rooms import LIBRARY, allowed, imported, room_of

FILES = sorted(LIBRARY.rglob("*.py"))
# of the same kind: each is one way to train, and neither knows of the other
INSIDE_TRAINING = {
    "networks": set(), "batches": set(), "pytorch": {"networks", "batches"},
    "cntk": {"networks", "batches"},
}  # fmt: skip


def test_every_folder_is_a_room_and_every_room_a_folder() -> None:
    folders = {path.name for path in LIBRARY.iterdir() if (path / "__init__.py").is_file()}
    assert folders == set(allowed())
    assert {path.name for path in LIBRARY.glob("*.py")} == {"__init__.py", "__main__.py"}


def test_a_room_uses_only_rooms_above_it() -> None:
    above: set[str] = set()
    for room, names in allowed().items():
        assert names <= above, f"{room} stands above {names - above}"
        above.add(room)


@pytest.mark.parametrize("room", allowed())
def test_a_room_imports_only_what_its_line_allows(room: str) -> None:
    may = allowed()[room]
    for file in FILES:
        if room_of(file) != room:
            continue
        for name in imported(file):
            other = name.split(".")[1] if "." in name else ""
            assert other in {"", room, *may}, (
                f"{file.relative_to(LIBRARY.parent)} imports {name}, but {room} may import only "
                f"{', '.join(sorted(may)) or 'nothing'} (docs/architecture.md)"
            )


@pytest.mark.parametrize("room", allowed())
def test_every_room_that_a_line_names_is_needed(room: str) -> None:
    if room == "cli":
        return  # it may import everything, and new commands will
    used = {
        name.split(".")[1]
        for file in FILES
        if room_of(file) == room
        for name in imported(file)
        if "." in name
    }
    assert allowed()[room] <= used


@pytest.mark.parametrize("inner", INSIDE_TRAINING)
def test_walls_inside_training(inner: str) -> None:
    for file in sorted((LIBRARY / "training" / inner).glob("*.py")):
        for name in imported(file):
            parts = name.split(".")
            if parts[1:2] == ["training"] and len(parts) > 2 and parts[2] in INSIDE_TRAINING:
                assert parts[2] in {inner, *INSIDE_TRAINING[inner]}, f"{file.name} imports {name}"


def test_packages_and_modules_stay_small() -> None:
    for folder in {file.parent for file in FILES}:
        modules = [file for file in folder.glob("*.py") if file.name != "__init__.py"]
        assert len(modules) <= 12, f"{folder.name}: {len(modules)} modules"
    for file in FILES:
        lines = len(file.read_text(encoding="utf-8").splitlines())
        assert lines < 350, f"{file.relative_to(LIBRARY)}: {lines} lines"


def test_tests_stand_where_their_module_stands() -> None:
    tests = LIBRARY.parent / "tests"
    apart = {"support", "stages", "whole", "docs", "__pycache__"}
    for file in sorted(tests.rglob("test_*.py")):
        place = file.relative_to(tests)
        if place.parts[0] in apart:
            continue
        module = Path(*place.parts[:-1], f"{place.stem.removeprefix('test_')}.py")
        package = Path(*place.parts[:-1], place.stem.removeprefix("test_"), "__init__.py")
        is_hall = place.stem == f"test_{place.parent.name}"
        assert (LIBRARY / module).is_file() or (LIBRARY / package).is_file() or is_hall, place
