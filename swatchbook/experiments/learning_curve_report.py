"""A learning curve in words and as a picture."""

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from swatchbook.experiments.learning_curve import Curve, Outlook
from swatchbook.project import figures

# its points; beside them the picture, and what a page draws it by
CURVE = Path("plots/learning_curve.csv")

_NAMED = 3


def sentence(curve: Curve, found: Outlook) -> str:
    """The answer in words."""
    estimate, low, high = (100 * value for value in found.doubling)
    text = (
        f"with twice the images ({curve.now:.0f} more a class) expect {estimate:.1f} points fewer "
        f"errors ({low:.1f} to {high:.1f})"
    )
    if math.isfinite(found.for_a_point[0]):
        few, least, most = found.for_a_point
        between = f"{least:.0f} to {most:.0f}"
        if not math.isfinite(most):
            between = f"{least:.0f} or more, perhaps no number would do"
        text += f"; one point takes about {few:.0f} more a class ({between})"
    else:
        text += "; one point is not to be had by more of such images"
    if found.helped_by > 0.001:
        text += f"; {found.helped!r} gains most, {100 * found.helped_by:.1f} points"
    return text


def facts(curve: Curve, found: Outlook) -> dict[str, Any]:
    """What a page needs to draw it anew, beside the points."""
    return {
        "sentence": sentence(curve, found), "now": curve.now, "law": asdict(found.law),
        "band": found.band.tolist(),
    }  # fmt: skip


def draw(curve: Curve, found: Outlook, path: Path) -> None:
    """Error against images, by class and on average, with the law that was fitted."""
    figure, (axes,) = figures.blank(1, 8, 4.5)
    names, every = sorted(set(curve.labels)), 100 * curve.errors().T
    # a few can be told apart by colour; of many the hardest are named where they end
    few = len(names) < len(figures.COLOURS)
    hardest = np.argsort(-every[:, -1], kind="stable")[:_NAMED]
    for number, (name, errors) in enumerate(zip(names, every, strict=True)):
        colour = figures.COLOURS[number + 1] if few else figures.GREY
        label = figures.plain(name) if few else ""
        axes.plot(
            curve.images, errors, "o-", color=colour, alpha=0.5, label=label, markersize=3,
            linewidth=1,
        )  # fmt: skip
        if not few and number in hardest:
            axes.annotate(
                figures.plain(name, 16), (curve.images[-1], errors[-1]), (6, 0), fontsize=8,
                textcoords="offset points", va="center", color=figures.GREY,
            )  # fmt: skip
    mean = 100 * curve.errors().mean(axis=1)
    axes.plot(curve.images, mean, "o", color=figures.COLOURS[0], label="class average")
    axes.fill_between(curve.images, *(100 * found.band.T), color=figures.COLOURS[0], alpha=0.15)
    ahead = np.geomspace(curve.images[0], 4 * curve.images[-1], 100)
    axes.plot(ahead, [100 * found.law(n) for n in ahead], "--", color=figures.COLOURS[0])
    axes.axvline(curve.now, color=figures.GREY, linestyle=":", label="now")
    axes.set(
        xscale="log", xlabel="training images an average class has", ylabel="error, %",
        ylim=(0, None),
    )  # fmt: skip
    # beside the drawing: what goes down to the right is the answer
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), fontsize="small")
    figures.save(figure, path)
