"""What an act means for an image, by what the tables say of it."""

import numpy as np
import pytest

from benchmarks.made_tables import write_tables
from swatchbook.browser.data.columns_of_tables import OUTCOMES
from swatchbook.browser.desk import Desk
from swatchbook.browser.routes import acting
from swatchbook.server.problem import Problem


def test_an_image_of_several_classes_can_be_relabelled_but_not_confirmed() -> None:
    write_tables(300)
    view = Desk("ann").view("")
    torn = int(np.flatnonzero(view.columns.outcome == OUTCOMES.index("conflict"))[0])
    with pytest.raises(Problem, match="relabel it to the right one"):
        acting._label(view, torn, "confirm", "")
    assert acting._label(view, torn, "relabel", "plain") == "plain"
    view.acts.do({torn: "plain"}, "")
    # somebody has said which it is
    assert acting._label(view, torn, "confirm", "") == "plain"
    whole = int(np.flatnonzero(view.columns.outcome == OUTCOMES.index("kept"))[0])
    label = view.columns.name_of(view.columns.label[whole])
    assert acting._label(view, whole, "confirm", "") == label
    assert acting._label(view, whole, "exclude", "") == "exclude"
    assert acting._label(view, whole, "clear", "") == ""
