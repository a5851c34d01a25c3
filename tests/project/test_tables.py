"""Tables keep every name, refuse what they can't read, and never let a spreadsheet run a cell."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from swatchbook.base.errors import DataError
from swatchbook.project import tables
from swatchbook.project.tables import Features, Table

NAMES = Table(Path("names.csv"), {"name": "str", "count": "int64", "good": "bool"})


def round_trip(names: list[str]) -> list[str]:
    NAMES.write(pd.DataFrame({"name": names, "count": 1, "good": True}))
    return list(NAMES.read()["name"])


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
def test_any_text_survives(names: list[str]) -> None:
    assert round_trip(names) == names


@pytest.mark.parametrize(
    "text", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "'x"]
)  # B10
def test_formulas_are_written_as_text_and_read_back(text: str) -> None:
    assert round_trip([text]) == [text]
    assert "\n'" in NAMES.path.read_text() or "\n\"'" in NAMES.path.read_text()


@pytest.mark.parametrize("name", ["NA", "null", "nan", "None", "", "1.0", "True"])
def test_names_are_not_taken_for_values(name: str) -> None:
    assert round_trip([name]) == [name]


def test_naughty_strings_survive(shared: Path) -> None:  # B11
    naughty = (shared / "nasty" / "blns.txt").read_text(encoding="utf-8").splitlines()
    naughty = [text for text in naughty if text and not text.startswith("#")]
    assert len(naughty) > 400
    assert round_trip(naughty) == naughty


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "not a table"),
        (b"name,count\nx,1\n", "column 'good' is missing"),
        (b"name,count,good\nx,many,True\n", "column 'count' holds other than int64"),
        (b"name,count,good\nx,1,maybe\n", "column 'good' holds other than bool"),
        (b"name,count,good\n\xff,1,True\n", "not a table"),
    ],
)
def test_a_damaged_table_is_an_error(content: bytes, problem: str) -> None:
    NAMES.path.write_bytes(content)
    with pytest.raises(DataError, match=problem):
        NAMES.read()


def test_a_missing_table_says_what_makes_it() -> None:
    with pytest.raises(DataError, match="`dvc repro` makes it"):
        NAMES.read()


def test_features_survive_with_their_origin() -> None:
    features = Features(["a", "b"], np.arange(6, dtype=np.float32).reshape(2, 3), {"network": "x"})
    path = Path("features.parquet")
    tables.write_features(features, path)
    found = tables.read_features(path)
    assert found.sha256 == features.sha256
    assert (found.vectors == features.vectors).all()
    assert found.origin == features.origin
    path.write_bytes(b"junk")
    with pytest.raises(DataError, match="not a table of features"):
        tables.read_features(path)


def test_the_same_features_are_the_same_bytes() -> None:
    features = Features(["a"], np.ones((1, 4), np.float32), {"network": "x"})
    for name in ("1.parquet", "2.parquet"):
        tables.write_features(features, Path(name))
    assert Path("1.parquet").read_bytes() == Path("2.parquet").read_bytes()
