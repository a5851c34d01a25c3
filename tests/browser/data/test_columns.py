"""Tables as columns: the same facts, kept by the state of the tables."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.made_tables import digest, write_tables
from swatchbook.base import caches
from swatchbook.base.errors import DataError
from swatchbook.browser.data import columns
from swatchbook.browser.data.columns_of_tables import NONE, OUTCOMES, SUBSETS
from swatchbook.project import tables


def test_they_say_what_the_tables_say() -> None:
    made = write_tables(300)
    c = columns.load()
    manifest, predictions = made["manifest"], made["predictions"].set_index("sha256")
    assert len(c) == 300
    assert c.classes == ["dotted", "plain", "striped"]
    assert [one.decode() for one in c.sha256] == list(manifest["sha256"])
    assert [c.classes[code] for code in c.label] == list(manifest["label"])
    assert c.width.tolist() == list(manifest["width"])
    split = made["split"].set_index("sha256")
    for row in range(300):
        sha256 = c.sha256[row].decode()
        if sha256 in predictions.index:
            one = predictions.loc[sha256]
            assert c.name_of(c.predicted[row]) == one["predicted"]
            assert c.confidence[row] == pytest.approx(one["confidence"], rel=1e-5)
            assert SUBSETS[c.subset[row]] == split.loc[sha256, "subset"]
            assert c.fold[row] == split.loc[sha256, "fold"]
        else:
            assert c.predicted[row] == NONE
            assert np.isnan(c.confidence[row])
            assert OUTCOMES[c.outcome[row]] in made["curated"]["reason"][row]
    assert c.text(7, "source") == manifest["source"][7]


def test_images_of_one_group_have_one_number_and_those_alone_none() -> None:
    made = write_tables(200)
    c = columns.load()
    sizes = made["curated"].groupby("group")["sha256"].transform("size")
    assert ((c.group >= 0) == (sizes > 1).to_numpy()).all()
    alike = c.group >= 0
    names = made["curated"]["group"][alike].to_numpy()
    together = pd.Series(c.group[alike]).groupby(names)
    assert (together.nunique() == 1).all()


def test_the_most_likely_classes_come_in_order_also_of_two_hundred() -> None:
    names = [f"class {number:03}" for number in range(200)]
    made = write_tables(120, names)
    c = columns.load()
    row = int(np.flatnonzero(~np.isnan(c.confidence))[3])
    one = made["predictions"].set_index("sha256").loc[c.sha256[row].decode()]
    wanted = one[[f"p_{name}" for name in names]].astype(float).sort_values(ascending=False)[:5]
    assert [f"p_{c.classes[code]}" for code in c.top[row]] == list(wanted.index)
    assert c.top_p[row] == pytest.approx(wanted.to_numpy(), rel=1e-5)


def test_suspicions_are_found_by_image() -> None:
    made = write_tables(100)
    c = columns.load()
    for place, one in enumerate(made["suspects"].to_dict("records")):
        (row,) = c.find(one["sha256"][:12])
        found = c.suspected(row)
        assert {"kind": one["kind"], "suggested": one["suggested"], "why": one["why"]} in found
        assert c.rank[row] <= place
        assert c.suspect[row]
    assert (c.suspect > 0).sum() == made["suspects"]["sha256"].nunique()


def test_before_anything_ran_it_says_what_to_do() -> None:
    with pytest.raises(DataError, match=r"data/manifest\.csv: no such file; `make repro` makes it"):
        columns.load()


def test_tables_that_are_not_there_yet_are_named() -> None:
    write_tables(20)
    for table in (tables.PREDICTIONS, tables.SUSPECTS, tables.SPLIT, tables.CURATED):
        table.path.unlink()
    c = columns.load()
    assert c.missing == [
        "data/curated.csv", "data/split.csv", "data/predictions.csv", "data/suspects.csv",
    ]  # fmt: skip
    assert (c.label != NONE).all()
    assert {OUTCOMES[code] for code in c.outcome} == {"not curated"}


def test_a_table_that_is_none_is_one_line() -> None:
    write_tables(20)
    tables.CURATED.path.write_text("sha256,label\nx\n")
    with pytest.raises(DataError, match=r"data/curated\.csv: not a table: .*`dvc repro` makes it"):
        columns.load()


def test_a_state_is_made_once_and_the_oldest_are_forgotten() -> None:
    write_tables(20)
    first = columns.load().snapshot
    made = caches.folder(caches.COLUMNS) / first / "done"
    before = made.stat().st_mtime_ns
    assert columns.load().snapshot == first
    assert made.stat().st_mtime_ns == before
    stamp = columns.stamp()
    names = {first}
    for seed in range(1, 6):
        write_tables(20, seed=seed)
        names.add(columns.load().snapshot)
    assert len(names) == 6
    assert columns.stamp() != stamp
    kept = [path for path in caches.folder(caches.COLUMNS).iterdir() if path.is_dir()]
    assert len(kept) == 3
    # half of one that a killed process left is made anew
    (next(iter(kept)) / "done").unlink()
    assert len(columns.load()) == 20


def test_an_image_that_stands_twice_is_one_and_its_names_are_known() -> None:
    made = write_tables(10)
    twice = made["manifest"].iloc[[3]].assign(source="again.png", file_sha256=digest(99))
    tables.MANIFEST.write(pd.concat([made["manifest"], twice]))
    c = columns.load()
    assert len(c) == 10
    files = np.array([digest(99), digest(3), digest(4), "0" * 64])
    assert c.rows_of_files(files).tolist() == [3, 3, 4, -1]
    assert c.rows_of(files).tolist() == [-1, 3, 4, -1]


def test_names_are_read_as_they_were_before_a_spreadsheet_was_feared() -> None:
    made = write_tables(10, ["=1+1", 'a,b"c', "ü"])
    c = columns.load()
    assert c.classes == sorted(["=1+1", 'a,b"c', "ü"])
    made["manifest"].loc[0, "source"] = "=a\nb.png"
    tables.MANIFEST.write(made["manifest"])
    assert columns.load().text(0, "source") == "=a\nb.png"
    assert Path("data/manifest.csv").read_text().count("'=a\nb.png") == 1


def test_find_takes_the_beginning_of_a_digest() -> None:
    write_tables(50)
    c = columns.load()
    assert c.find(digest(7)[:12]) == [7]
    assert c.find("") != []
    assert len(c.find(digest(7)[0])) == 2
    assert c.find("zz") == []
