"""What a terminal is given: text without commands to it, and pictures as coloured blocks."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def picture(pixels: "np.ndarray") -> str:
    """Lines of half blocks in 24-bit colour that show ``(h, w, 3) uint8``; ``h`` is even."""
    lines = []
    for upper, lower in zip(pixels[::2], pixels[1::2], strict=True):
        cells = [
            "\x1b[38;2;{};{};{}m\x1b[48;2;{};{};{}m▀".format(*top, *bottom)
            for top, bottom in zip(upper.tolist(), lower.tolist(), strict=True)
        ]
        lines.append("".join(cells) + "\x1b[0m")
    return "\n".join(lines)


def shows_pictures(is_terminal: bool) -> bool:
    """Whether colours can be shown: on a terminal that isn't told otherwise (no-color.org)."""
    return is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def plain(text: str) -> str:
    """``text`` with its control characters escaped: they could be commands."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def duration(seconds: float) -> str:
    """A time for people: ``45 s``, ``12 min``, ``3.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
