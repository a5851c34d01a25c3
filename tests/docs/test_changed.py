"""Which tests a change asks for."""

import pytest
from support.changed import chosen

ROOMS = {"base": set(), "curation": {"base"}, "cli": {"base", "curation"}}
FOLDERS = {"base", "curation", "cli", "docs", "stages", "whole", "support"}


@pytest.mark.parametrize(
    ("files", "tests"),
    [
        (["swatchbook/base/files.py"], "base cli curation docs stages"),
        (["swatchbook/curation/splitting.py", "docs/a.md"], "cli curation docs stages"),
        (["docs/splitting.md"], "docs"),
        (["stages/split.py"], "docs stages"),
        ([], ""),
    ],
)
def test_rooms_and_those_that_may_import_them(files: list[str], tests: str) -> None:
    assert chosen(files, ROOMS, FOLDERS) == [f"tests/{name}" for name in tests.split()]


def test_what_all_stages_share_asks_for_everything() -> None:
    assert chosen(["params.yaml"], ROOMS, FOLDERS) == ["tests"]


def test_a_changed_test_is_run_even_where_its_room_is_not() -> None:
    changed = ["tests/whole/test_faults.py", "tests/cli/test_cli.py", "swatchbook/cli/x.py"]
    found = chosen(changed, ROOMS, FOLDERS)
    assert found == ["tests/cli", "tests/docs", "tests/stages", "tests/whole/test_faults.py"]
