"""What pictures share."""

from pathlib import Path

import pandas as pd

from swatchbook.project import figures, tables


def test_points_are_written_as_csv() -> None:
    tables.write_points(pd.DataFrame({"x": [1 / 3], "class": ["a,b"]}), Path("plots/x.csv"))
    assert Path("plots/x.csv").read_text() == 'x,class\n0.333333,"a,b"\n'


def test_panels_stand_side_by_side_or_in_rows() -> None:
    for rows in (False, True):
        figure, panels = figures.blank(2, 6, 4, rows=rows)
        first, second = (panel.get_position() for panel in panels)
        assert (first.y0 > second.y0) == rows
        figures.save(figure, Path("picture.png"))
        assert Path("picture.png").read_bytes().startswith(b"\x89PNG")
