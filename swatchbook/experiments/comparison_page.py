"""A comparison as one HTML file that needs nothing else: tables, plots, pictures that flipped."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from swatchbook.base.errors import ImageRefused
from swatchbook.experiments import comparison_plots, comparison_report
from swatchbook.experiments.comparison import Comparison
from swatchbook.images import store
from swatchbook.images.frame import Frame, Levels
from swatchbook.project import figures

_THUMBNAIL = 112
# a page of a thousand pictures opens no more
_MOST_PICTURES = 300


def page(
    a: str,
    names: Sequence[str],
    results: Sequence[Comparison],
    training: Sequence[pd.DataFrame],
    levels: Levels | None = None,
) -> str:
    """The page; ``training`` has the curves of A and of every other run (``runs.training``),
    ``levels`` are of images of more than 8 bits.
    """
    frame = Frame(_THUMBNAIL, "pad", levels)
    environment = Environment(
        loader=PackageLoader("swatchbook.experiments", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
    )
    parts = [
        _part(a, name, found, {a: training[0], name: history}, frame)
        for name, found, history in zip(names, results, training[1:], strict=True)
    ]
    return environment.get_template("comparison.html").render(a=a, parts=parts)


def _part(
    a: str, b: str, found: Comparison, training: dict[str, pd.DataFrame], frame: Frame
) -> dict[str, Any]:
    runs = {a: found.shared.a, b: found.shared.b}
    drawn = {
        "ROC": comparison_plots.roc(runs),
        "Precision and recall": comparison_plots.precision_recall(runs),
        "Confusion": comparison_plots.confusion(runs),
        "Refinement": comparison_plots.training(training),
    }
    flips = found.shared.flips
    kinds = {}
    for kind in ("fixed", "broken"):
        rows = flips[flips["kind"] == kind]
        shown = rows.head(_MOST_PICTURES // 2).to_dict("records")
        kinds[kind] = {
            "count": len(rows),
            "rows": [
                {**row, "picture": _picture(row["sha256"], row["path"], frame)} for row in shown
            ],
        }
    return {
        "b": b,
        "sentence": comparison_report.sentence(a, b, found),
        "notes": comparison_report.notes(a, b, found),
        "tables": [comparison_report.metrics_table(found), comparison_report.classes_table(found)],
        "figures": {
            title: _data(figures.png(figure, 90), "png")
            for title, figure in drawn.items()
            if figure
        },
        "flips": kinds,
    }


def _picture(sha256: str, path: str, frame: Frame) -> str:
    """A thumbnail; nothing where the image is not in this workspace."""
    try:
        pixels = store.pixels(sha256, Path(path), frame)
    except ImageRefused:
        return ""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=85)
    return _data(out.getvalue(), "jpeg")


def _data(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
