"""A learning curve for a page: the sentence, the points, and where they stand in a drawing."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from swatchbook.base import files
from swatchbook.experiments.learning_curve import PowerLaw
from swatchbook.experiments.learning_curve_report import CURVE
from swatchbook.project import tables

WIDE, HIGH = 640, 360
_LEFT, _BELOW, _ABOVE, _RIGHT = 52, 44, 12, 16
# the law is drawn to so many times the images that there are
_AHEAD = 4
_MOST_LINES = 20


@dataclass(frozen=True)
class Drawing:
    """Attributes of SVG elements: ``classes`` by name, all as lists of points."""

    average: str
    classes: dict[str, str]
    band: str
    law: str
    now: float
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]


def shown() -> dict[str, Any] | None:
    """``sentence``, whether it is of the images as they are now (``is_now``), the ``drawing`` and
    ``rows`` of errors by images a class; None where none was measured."""
    try:
        facts = json.loads(CURVE.with_suffix(".json").read_text("utf-8"))
        points = pd.read_csv(CURVE)
        is_now = facts["of"] == files.md5(tables.SPLIT.path)
        drawing = _drawn(facts, points)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    names = [_name(column) for column in points.columns[2:]]
    return {
        "sentence": facts["sentence"], "is_now": is_now, "drawing": drawing, "names": names,
        "rows": points.to_numpy().tolist(), "wide": WIDE, "high": HIGH,
        "bounds": facts["band"],
    }  # fmt: skip


def _drawn(facts: dict[str, Any], points: pd.DataFrame) -> Drawing:
    images = points["images_per_class"].to_numpy(float)
    band = np.array(facts["band"], float)
    errors = points.drop(columns="images_per_class")
    most = max(0.01, float(errors.to_numpy().max()), float(band.max()))
    first, last = float(images[0]), _AHEAD * float(images[-1])

    def x(at: float) -> float:
        share = np.log(at / first) / np.log(last / first)
        return round(_LEFT + float(share) * (WIDE - _LEFT - _RIGHT), 1)

    def y(error: float) -> float:
        return round(HIGH - _BELOW - error / most * (HIGH - _BELOW - _ABOVE), 1)

    def line(xs: np.ndarray, ys: np.ndarray) -> str:
        return " ".join(f"{x(a)},{y(b)}" for a, b in zip(xs, ys, strict=True))

    law = PowerLaw(**facts["law"])
    ahead = np.geomspace(first, last, 60)
    # the classes that are hardest now; all of them are in the table
    hardest = errors.drop(columns="class_average_error").iloc[-1].sort_values(ascending=False)
    ticks = [n for power in range(7) for n in (10**power, 2 * 10**power, 5 * 10**power)]
    return Drawing(
        line(images, errors["class_average_error"].to_numpy()),
        {
            _name(column): line(images, errors[column].to_numpy())
            for column in hardest.index[:_MOST_LINES]
        },
        f"{line(images, band[:, 0])} {line(images[::-1], band[::-1, 1])}",
        line(ahead, np.array([law(n) for n in ahead])),
        x(float(facts["now"])),
        [(x(n), f"{n:,}") for n in ticks if first <= n <= last],
        [(y(share * most), f"{100 * share * most:.3g} %") for share in (0, 0.25, 0.5, 0.75, 1)],
    )


def _name(column: Any) -> str:
    return str(column).removeprefix("error_")
