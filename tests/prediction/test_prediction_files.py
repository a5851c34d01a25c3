"""Files of predictions, and the journal from which a killed run goes on."""

import io
import json
from pathlib import Path

import pandas as pd
import pytest

from swatchbook.base.errors import DataError
from swatchbook.prediction import prediction_files
from swatchbook.prediction.prediction_files import Journal
from swatchbook.prediction.predictions import Neighbour, Prediction, Wishes

ROWS = [
    Prediction(
        "=cmd|' /C calc'!A0", "ab", "ok", "", "ré,d", 0.75, [("ré,d", 0.75), ("blue", 0.25)],
        [Neighbour("cd", "p.png", "blue", 0.5)],
    ),
    Prediction("b\n.png", "", "refused", "not_image"),
    Prediction("c.png", "ef", "not_sure", "", "", 0.5, [("blue", 0.5), ("ré,d", 0.5)]),
]  # fmt: skip
READ = {"csv": pd.read_csv, "json": pd.read_json, "parquet": pd.read_parquet}


def test_csv_can_be_opened_without_harm() -> None:  # H10
    prediction_files.write(iter(ROWS), Path("out.csv"), 2)
    frame = pd.read_csv("out.csv", keep_default_na=False)
    assert list(frame) == [
        "path", "sha256", "status", "reason", "predicted", "confidence", "label_1", "p_1",
        "label_2", "p_2", "neighbours",
    ]  # fmt: skip
    assert list(frame["path"]) == ["'=cmd|' /C calc'!A0", "b\n.png", "c.png"]
    assert list(frame["predicted"]) == ["ré,d", "", ""]
    assert frame["neighbours"][0] == "blue:0.5000:cd"
    prediction_files.write(iter(ROWS), Path("one.csv"), 1)
    assert "label_1" not in pd.read_csv("one.csv")


def test_parquet_and_json_hold_the_same() -> None:
    prediction_files.write(iter(ROWS), Path("out.parquet"), 2)
    prediction_files.write(iter(ROWS), Path("out.json"), 2)
    frame = pd.read_parquet("out.parquet")
    content = json.loads(Path("out.json").read_text())
    assert list(frame["path"]) == [row["path"] for row in content] == [row.path for row in ROWS]
    assert list(frame["p_1"].dropna()) == [0.75, 0.5]
    assert content[0]["top"] == [
        {"label": "ré,d", "probability": 0.75},
        {"label": "blue", "probability": 0.25},
    ]
    assert frame["neighbours"][0][0] == content[0]["neighbours"][0]


@pytest.mark.parametrize("name", ["out.csv", "out.json", "out.parquet"])
def test_what_was_refused_counts_in_no_mean(name: str) -> None:
    prediction_files.write(iter(ROWS), Path(name), 2)
    frame = READ[name.partition(".")[2]](name)
    assert frame["confidence"].isna().tolist() == [False, True, False]
    assert frame["confidence"].mean() == 0.625


@pytest.mark.parametrize("name", ["out.csv", "out.json", "out.parquet"])
def test_no_rows_make_a_file_all_the_same(name: str) -> None:
    prediction_files.write(iter([]), Path(name), 1)
    assert len(READ[name.partition(".")[2]](name)) == 0


def test_json_is_streamed_one_object_a_line() -> None:
    out = io.StringIO()
    rows = prediction_files.printed(ROWS, out, "json", 1)
    next(rows)
    assert json.loads(out.getvalue().splitlines()[1])["predicted"] == "ré,d"


@pytest.mark.parametrize("name", ["out.xlsx", "out"])
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(DataError, match=r"must end with one of \.csv, \.json, \.parquet"):
        prediction_files.format_of(Path(name))


def test_a_journal_goes_on_and_drops_only_a_torn_line() -> None:
    wishes = Wishes(2)
    with Journal(Path("out.csv"), ["m"], wishes) as journal:
        for row in ROWS:
            journal.add(row)
    content = journal.path.read_bytes()
    journal.path.write_bytes(content[:-20])
    with Journal(Path("out.csv"), ["m"], wishes) as journal:
        assert set(journal.done) == {ROWS[0].path, ROWS[1].path}
        journal.add(ROWS[2])
        journal.flush()
        assert list(journal.read()) == ROWS
    assert journal.path.read_bytes() == content


@pytest.mark.parametrize("size", [0, 5])
def test_a_journal_that_died_at_birth_begins_anew(size: int) -> None:
    with Journal(Path("out.csv"), ["m"], Wishes()) as journal:
        pass
    journal.path.write_bytes(journal.path.read_bytes()[:size])
    with Journal(Path("out.csv"), ["m"], Wishes()) as journal:
        assert set(journal.done) == set()


@pytest.mark.parametrize(("run", "wishes"), [(["other"], Wishes()), (["m"], Wishes(2))])
def test_a_journal_of_another_run_is_not_mixed_in(run: list[str], wishes: Wishes) -> None:
    with Journal(Path("out.csv"), ["m"], Wishes()) as journal:
        journal.add(ROWS[0])
    before = journal.path.read_bytes()
    with pytest.raises(DataError, match=r"out\.csv\.partial: begun with another model"):
        Journal(Path("out.csv"), run, wishes)
    assert journal.path.read_bytes() == before
