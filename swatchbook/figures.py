"""What all pictures share: colours, blank figures, saving; and the tables behind them.

For people, readable in print and by the colour-blind (Okabe and Ito 2008).
"""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from swatchbook import files

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


def write_points(points: pd.DataFrame, path: Path) -> None:
    """Write the points of a plot as CSV at once, six significant digits."""
    with files.replacing(path) as temporary:
        points.to_csv(temporary, index=False, lineterminator="\n", float_format="%.6g")
