"""The curves of a training run, for DVC as CSV and for people as a picture."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from swatchbook.figures import COLOURS, GREY, blank, save, write_points

PATH = Path("plots/refine_dnn/training.csv")
COLUMNS = [
    "epoch", "rate", "training_loss", "training_error", "validation_loss", "validation_error",
    "validation_class_average_error",
]  # fmt: skip


def write(history: Sequence[dict[str, float]], best: int, folder: Path) -> None:
    """Write ``training.csv`` and ``training.png`` into ``folder``.

    ``history`` has a row for each epoch; ``best`` is the epoch (from 1) whose weights are kept.
    """
    rows = pd.DataFrame(history, columns=COLUMNS)
    write_points(rows, folder / "training.csv")
    _draw(rows, best, folder / "training.png")


def _draw(rows: pd.DataFrame, best: int, path: Path) -> None:
    figure, (upper, lower) = blank(2, 7, 6, rows=True)
    if rows.empty:
        for axes in (upper, lower):
            axes.axis("off")
        upper.text(0.5, 0.5, "The network is fixed: nothing was trained", ha="center")
        save(figure, path)
        return
    epochs = rows["epoch"]
    upper.plot(epochs, rows["training_error"], "o-", color=COLOURS[0], label="training")
    upper.plot(epochs, rows["validation_error"], "s--", color=COLOURS[1], label="validation")
    error = rows["validation_error"][best - 1]
    upper.axvline(best, color=GREY, linestyle=":", label=f"kept: epoch {best}")
    upper.set(ylabel="error", ylim=(0, None), title=f"Validation error {error:.1%}")
    upper.legend()
    lower.step(epochs, rows["rate"], where="mid", color=COLOURS[0])
    lower.set(xlabel="epoch", ylabel="learning rate", yscale="log")
    for axes in (upper, lower):
        axes.xaxis.get_major_locator().set_params(integer=True)
    save(figure, path)
