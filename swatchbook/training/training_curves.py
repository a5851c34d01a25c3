"""The curves of a training run, for DVC as CSV and for people as a picture."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from swatchbook.base import files
from swatchbook.project.tables import TRAINING_CURVES, write_points
from swatchbook.training.progress import Row

FOLDER = TRAINING_CURVES.path.parent
# drawn once: it costs a fixed network less than matplotlib does to import
_NOTHING = Path(__file__).with_name("nothing_trained.png")


def write(history: Sequence[Row], best: int, folder: Path = FOLDER) -> None:
    """Write ``training.csv`` and ``training.png`` into ``folder``.

    ``history`` has a row for each epoch (0: before training); ``best`` is the epoch whose weights
    are kept.
    """
    rows = pd.DataFrame(history, columns=list(TRAINING_CURVES.columns))
    write_points(rows, folder / TRAINING_CURVES.path.name)
    if rows.empty:
        files.write_bytes(folder / "training.png", _NOTHING.read_bytes())
    else:
        _draw(rows, best, folder / "training.png")


def _draw(rows: pd.DataFrame, best: int, path: Path) -> None:
    from swatchbook.project.figures import COLOURS, GREY, blank, save

    figure, (upper, lower) = blank(2, 7, 6, rows=True)
    epochs = rows["epoch"]
    upper.plot(epochs, rows["training_error"], "o-", color=COLOURS[0], label="training")
    upper.plot(epochs, rows["validation_error"], "s--", color=COLOURS[1], label="validation")
    error = rows.loc[epochs == best, "validation_error"].iloc[0]
    upper.axvline(best, color=GREY, linestyle=":", label=f"kept: epoch {best}")
    upper.set(ylabel="error", ylim=(0, None), title=f"Validation error {error:.1%}")
    upper.legend()
    trained = rows[rows["rate"] > 0]
    lower.set(xlabel="epoch", ylabel="learning rate", xlim=upper.get_xlim())
    if len(trained):  # before the first epoch there is no rate
        lower.step(trained["epoch"], trained["rate"], where="mid", color=COLOURS[0])
        lower.set_yscale("log")
    for axes in (upper, lower):
        axes.xaxis.get_major_locator().set_params(integer=True)
    save(figure, path)
