"""A comparison as one HTML file."""

import base64
import html
import io
import re

import numpy as np
import pandas as pd
from PIL import Image
from support.pictures import encoded, texture
from support.run_tables import run

from swatchbook.base import files
from swatchbook.experiments import comparison, comparison_page
from swatchbook.images import store
from swatchbook.project import tables

TRUTH = np.arange(40) % 2
NONE = pd.DataFrame(columns=list(tables.TRAINING_CURVES.columns))


def made(a: str = "main", history: pd.DataFrame = NONE) -> str:
    right = np.ones(40, bool)
    left, other = run(np.arange(40) >= 6, TRUTH), run(right & (np.arange(40) < 37), TRUTH)
    data = encoded(texture(3))
    path = store.add(data, files.digest(data), "png")
    for rows in (left, other):
        rows.loc[0, ["sha256", "path"]] = [files.digest(data), path.as_posix()]
    found = comparison.compare(left, [other], resamples=100)
    return comparison_page.page(a, ["new"], found, [NONE, history])


def pictures(page: str, kind: str) -> list[Image.Image]:
    return [
        Image.open(io.BytesIO(base64.b64decode(text)))
        for text in re.findall(rf'src="data:image/{kind};base64,([^"]+)"', page)
    ]


def test_it_needs_nothing_else_and_shows_plots_and_flips() -> None:
    page = made()
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert "<script" not in page
    assert len(pictures(page, "png")) == 3  # ROC, precision and recall, confusion
    (picture,) = pictures(page, "jpeg")  # the one flip whose image is here
    assert picture.size == (112, 112)
    assert page.count("not in this workspace") == 8
    assert "6 fixed" in page
    assert "3 broken" in page


def test_training_curves_are_drawn_where_a_run_has_some() -> None:
    rows = pd.DataFrame([[1, 0.1, 1, 0.5, 1, 0.4, 0.4], [2, 0.1, 1, 0.4, 1, 0.3, 0.3]])
    page = made(history=rows.set_axis(list(tables.TRAINING_CURVES.columns), axis=1))
    assert len(pictures(page, "png")) == 4


def test_names_are_no_markup() -> None:
    page = made("<img src=x onerror=alert(1)>$x_1$")
    assert "<img src=x" not in page
    assert html.escape("<img src=x onerror=alert(1)>") in page
