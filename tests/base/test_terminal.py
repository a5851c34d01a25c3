"""What a terminal is given."""

import numpy as np
import pytest

from swatchbook.base import terminal


def test_a_picture_is_half_blocks_in_its_colours() -> None:
    pixels = np.array([[[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [10, 11, 12]]], np.uint8)
    text = terminal.picture(pixels)
    assert text.count("▀") == 2
    assert text.startswith("\x1b[38;2;1;2;3m\x1b[48;2;7;8;9m▀")
    assert text.endswith("\x1b[0m")


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [("TERM", "xterm", True), ("TERM", "dumb", False), ("NO_COLOR", "1", False)],
)
def test_pictures_are_shown_where_colours_are(
    name: str, value: str, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(name, value)
    assert terminal.shows_pictures(is_terminal=True) is shown
    assert not terminal.shows_pictures(is_terminal=False)


def test_a_command_to_the_terminal_is_shown_not_carried_out() -> None:
    assert terminal.plain("a\x1b]0;owned\x07 ü\n\x9b2J") == "a\\x1b]0;owned\\x07 ü\\n\\x9b2J"


@pytest.mark.parametrize(("seconds", "text"), [(8, "8 s"), (600, "10 min"), (9000, "2.5 h")])
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert terminal.duration(seconds) == text
