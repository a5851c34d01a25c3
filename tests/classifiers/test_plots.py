"""The picture of how C was chosen."""

from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from swatchbook.classifiers import plots


@pytest.mark.parametrize("strengths", [[0.0], [0.1, 1.0, 10.0]])
def test_the_search_for_c_is_drawn_with_one_value_or_many(strengths: list[float]) -> None:
    trials = pd.DataFrame({"C": strengths, "accuracy": 0.5, "class_average_accuracy": 0.4})
    plots.regularization(trials, strengths[-1], Path("c.png"))
    with Image.open("c.png") as picture:
        assert picture.width > 300
