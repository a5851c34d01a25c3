"""What options of several commands take, and refuse at once."""

from pathlib import Path

import click
import pytest

from swatchbook.cli.options import Origin, OutputFile


def test_a_file_is_written_into_a_folder_that_is_made() -> None:
    assert OutputFile().convert("a/b/c.csv", None, None) == Path("a/b/c.csv")
    assert Path("a/b").is_dir()
    assert not Path("a/b/c.csv").exists()


@pytest.mark.parametrize("value", ["folder", "file/x.csv", "file/deeper/x.csv"])
def test_what_no_file_can_be_is_refused(value: str) -> None:
    Path("folder").mkdir()
    Path("file").write_text("")
    with pytest.raises(click.BadParameter, match=r"director|File exists"):
        OutputFile().convert(value, None, None)


@pytest.mark.parametrize(
    "value", ["*", "https://www.example.org", "http://localhost:3000", "http://[::1]:80"]
)
def test_origins_are_sites(value: str) -> None:
    assert Origin().convert(value, None, None) == value


@pytest.mark.parametrize(
    ("value", "like"),
    [
        ("example.org", "https://www.example.org"), ("https://example.org/", "https://example.org"),
        ("https://Example.org/app", "https://example.org"), ("", ""),
        ("ftp://example.org", "ftp"), ("null", ""),
    ],
)  # fmt: skip
def test_what_no_browser_sends_is_refused(value: str, like: str) -> None:
    with pytest.raises(click.BadParameter, match="is no origin") as found:
        Origin().convert(value, None, None)
    assert like in str(found.value)
