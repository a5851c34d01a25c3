"""The page of commands is what the commands say."""

from support.project import ROOT

from swatchbook.cli.project import reference


def test_the_page_of_commands_is_up_to_date() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert page == reference.commands(), "make docs"
