"""What all pictures share: colours, blank figures, saving; and the tables behind them.

For people, readable in print and by the colour-blind (Okabe and Ito 2008).
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from swatchbook.base import files

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "#777777"


def blank(panels: int, width: float, height: float, rows: bool = False) -> tuple[Figure, Any]:
    """A figure of ``width`` × ``height`` inches and its panels, side by side or in ``rows``."""
    # no pyplot: nothing global, and no window system is asked for
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    shape = (panels, 1) if rows else (1, panels)
    ratios = [3, 1] if rows else None
    return figure, figure.subplots(*shape, squeeze=False, height_ratios=ratios).ravel()


def save(figure: Figure, path: Path) -> None:
    """Write a picture at once."""
    with files.replacing(path) as temporary:
        # without metadata the same picture is the same bytes
        figure.savefig(temporary, dpi=120, metadata={"Software": None})


def plain(name: str, most: int = 24) -> str:
    """A name as matplotlib can draw it."""
    # matplotlib reads $…$ as mathematics, and warns of every letter that its font lacks
    plain = "".join(letter if _has_glyph(letter) else "□" for letter in name)
    short = plain if len(plain) <= most else plain[: most - 1] + "…"
    return short.replace("$", r"\$")


@lru_cache(maxsize=4096)
def _has_glyph(letter: str) -> bool:
    font = font_manager.get_font(font_manager.findfont("DejaVu Sans"))
    return letter.isprintable() and font.get_char_index(ord(letter)) > 0
