"""The picture of how the strength of regularisation was chosen."""

from pathlib import Path

import pandas as pd

from swatchbook.project.figures import COLOURS, GREY, blank, save


def regularization(trials: pd.DataFrame, chosen: float, path: Path) -> None:
    """Accuracy in cross-validation against C, the chosen one marked."""
    figure, (axes,) = blank(1, 6, 4)
    if len(trials) == 1:
        axes.bar(["accuracy", "class average"], trials.iloc[0, 1:], color=COLOURS[:2])
        axes.set(ylim=(0, 1), title="Cross-validation (no C to choose)")
    else:
        axes.plot(trials["C"], trials["accuracy"], "o--", color=COLOURS[0], label="accuracy")
        axes.plot(
            trials["C"], trials["class_average_accuracy"], "s-", color=COLOURS[1],
            label="class-average accuracy",
        )  # fmt: skip
        axes.axvline(chosen, color=GREY, linestyle=":", label=f"chosen: C = {chosen:g}")
        axes.set(xscale="log", xlabel="C", ylabel="cross-validation in the training part")
        axes.legend()
    save(figure, path)
