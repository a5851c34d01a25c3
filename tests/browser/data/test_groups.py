"""Groups are those of dedupe, each decided as one."""

from benchmarks.made_tables import write_tables
from swatchbook.browser.data import columns
from swatchbook.browser.data.groups import KINDS, Groups, bits


def test_groups_are_those_of_the_tables() -> None:
    curated = write_tables(900)["curated"]
    c = columns.load()
    groups = Groups(c)
    near = curated[curated["kept"] | curated["reason"].str.startswith("near-duplicate")]
    sizes = near.groupby("group")["label"].agg(["size", "nunique"])
    wanted = {
        "conflict": curated["reason"].str.startswith("conflict").sum(),
        "mixed": ((sizes["size"] > 1) & (sizes["nunique"] > 1)).sum(),
        "near_duplicate": ((sizes["size"] > 1) & (sizes["nunique"] == 1)).sum(),
    }
    assert groups.counts() == wanted
    assert all(wanted[kind] for kind in KINDS)
    for rows in groups.of("mixed"):
        assert len({int(c.group[row]) for row in rows}) == 1
        outcomes = [int(c.outcome[row]) for row in rows]
        assert outcomes == sorted(outcomes)  # kept ones first
    counts = [len(rows) for rows in groups.of("near_duplicate")]
    assert counts == sorted(counts, reverse=True)


def test_bits_are_those_in_which_hashes_differ() -> None:
    assert bits("0f", "0e") == 1
    assert bits("ff", "00") == 8
    assert bits("", "00") is None
