"""The page of commands is what the commands say."""

from conftest import ROOT

from swatchbook.cli import reference


def test_the_page_of_commands_is_up_to_date() -> None:
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == reference.page(), "make docs"
