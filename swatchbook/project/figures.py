"""What all pictures share: colours, blank figures, saving; and the tables behind them.

For people, readable in print and by the colour-blind (Okabe and Ito 2008).
"""

import io
import logging
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from swatchbook.base import files

# of a font that has one weight only it says so for each picture
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "#777777"
# of systems that have them: letters that matplotlib's own font lacks
_WIDE_FONTS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "SimHei",
    "Arial Unicode MS", "Noto Sans", "Droid Sans Fallback",
)  # fmt: skip


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
    files.write_bytes(path, png(figure))


def png(figure: Figure, dpi: int = 120) -> bytes:
    """A picture; the same one twice is the same bytes."""
    for text in figure.findobj(Text):
        if not text.get_text().isascii():
            text.set_fontfamily(_families())
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=dpi, metadata={"Software": None})
    return out.getvalue()


def plain(name: str, most: int = 24) -> str:
    """A name as matplotlib can draw it."""
    # matplotlib reads $…$ as mathematics, and warns of every letter that its font lacks
    plain = "".join(letter if _has_glyph(letter) else "□" for letter in name)
    short = plain if len(plain) <= most else plain[: most - 1] + "…"
    return short.replace("$", r"\$")


@cache
def _families() -> list[str]:
    """Fonts that are here: matplotlib's own, then what knows more letters."""
    there = set(font_manager.get_font_names())
    return ["DejaVu Sans", *(name for name in _WIDE_FONTS if name in there)]


@lru_cache(maxsize=4096)
def _has_glyph(letter: str) -> bool:
    fonts = (font_manager.get_font(font_manager.findfont(name)) for name in _families())
    return letter.isprintable() and any(font.get_char_index(ord(letter)) > 0 for font in fonts)
