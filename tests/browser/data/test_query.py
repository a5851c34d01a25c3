"""Filters and orders: what pandas says of the same tables, and the address says it all."""

from urllib.parse import parse_qsl

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.made_tables import CLASSES, write_tables
from swatchbook.base.errors import ParamsError
from swatchbook.browser.data import columns, query
from swatchbook.browser.data.columns import Columns
from swatchbook.browser.data.layout import Layout
from swatchbook.browser.data.query import EXCLUDED, NO_ACT, Query, Selections
from swatchbook.review.choices import KINDS


@pytest.fixture(scope="module")
def tabled(tmp_path_factory: pytest.TempPathFactory) -> Columns:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("tabled")
        patch.chdir(folder)
        patch.setenv("SWATCHBOOK_CACHE", str(folder / "cache"))
        write_tables(400)
        return columns.load()


@pytest.fixture(scope="module")
def acts(tabled: Columns) -> np.ndarray:
    chance = np.random.default_rng(1)
    return chance.choice([NO_ACT, EXCLUDED, 0, 1, 2], len(tabled), p=[0.7, 0.05, 0.1, 0.1, 0.05])


VALUES = {
    "label": CLASSES, "predicted": CLASSES, "subset": ("none", "train", "test"),
    "outcome": ("kept", "duplicate", "conflict"), "suspect": ("any", *KINDS),
    "result": ("right", "wrong"), "act": query.ACTS,
}  # fmt: skip


def by_hand(c: Columns, acts: np.ndarray, name: str, value: str, row: int) -> bool:
    """One image and one value, spelled out."""
    label, predicted = c.name_of(c.label[row]), c.name_of(c.predicted[row])
    act = acts[row]
    match name:
        case "label":
            return label == value
        case "predicted":
            return predicted == value
        case "subset":
            return ("none", "train", "test")[c.subset[row]] == value
        case "outcome":
            return query.OUTCOMES[c.outcome[row]] == value
        case "suspect":
            kinds = [one["kind"] for one in c.suspected(row)]
            return bool(kinds) if value == "any" else value in kinds
        case "result":
            return bool(predicted) and (predicted == label) == (value == "right")
    pending = (act >= 0 and act != c.label[row]) or (
        act == EXCLUDED and query.OUTCOMES[c.outcome[row]] != "excluded"
    )
    return {
        "none": act == NO_ACT, "any": act != NO_ACT, "exclude": act == EXCLUDED,
        "confirm": act == c.given[row], "relabel": act >= 0 and act != c.given[row],
        "pending": pending,
    }[value]  # fmt: skip


FILTERS = st.lists(
    st.sampled_from([(name, value) for name, values in VALUES.items() for value in values]),
    max_size=4, unique=True,
)  # fmt: skip


@given(pairs=FILTERS, low=st.floats(0, 1), sort=st.sampled_from(query.SORTS), down=st.booleans())
def test_rows_and_facets_are_what_one_would_count(
    tabled: Columns,
    acts: np.ndarray,
    pairs: list[tuple[str, str]],
    low: float,
    sort: str,
    down: bool,
) -> None:
    address = [*pairs, ("confidence", f"{low}.."), ("sort", f"{'-' * down}{sort}")]
    chosen = Query.parsed(address, tabled)
    selections = Selections(tabled, Layout(tabled))
    found = selections.rows(chosen, acts)

    def holds(row: int, name: str) -> bool:
        values = [value for other, value in pairs if other == name]
        return not values or any(by_hand(tabled, acts, name, value, row) for value in values)

    def passes(row: int, but: str = "") -> bool:
        sure = tabled.confidence[row] >= low
        return bool(sure) and all(holds(row, name) for name in VALUES if name != but)

    assert sorted(found) == [row for row in range(len(tabled)) if passes(row)]
    if sort == "confidence":
        values = tabled.confidence[found]
        assert (np.diff(values) <= 0).all() if down else (np.diff(values) >= 0).all()
    facets = selections.facets(chosen, acts)
    for name, value in (("label", "plain"), ("suspect", "any"), ("act", "pending")):
        counted = sum(
            passes(row, name) and by_hand(tabled, acts, name, value, row)
            for row in range(len(tabled))
        )
        assert facets[name][value] == counted
    # the address says all of it
    again = Query.parsed(parse_qsl(chosen.address), tabled)
    assert again.address == chosen.address


def test_a_part_of_the_name_or_of_the_digest_is_searched(tabled: Columns, acts: np.ndarray) -> None:
    selections = Selections(tabled, Layout(tabled))
    name = tabled.text(5, "source")
    assert selections.rows(Query(text=name.upper()), acts).tolist() == [5]
    assert selections.rows(Query(text=tabled.sha256[9].decode()[:16]), acts).tolist() == [9]
    assert selections.rows(Query(text="no such"), acts).tolist() == []


def test_images_without_a_prediction_come_last_in_either_order(
    tabled: Columns, acts: np.ndarray
) -> None:
    selections = Selections(tabled, Layout(tabled))
    for sort in ("confidence", "-confidence"):
        values = tabled.confidence[selections.rows(Query(sort=sort), acts)]
        assert np.isnan(values).any()
        assert not np.isnan(values[: np.count_nonzero(~np.isnan(values))]).any()


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        (("label", "dottd"), "label: 'dottd' is not known. Did you mean 'dotted'"),
        (("sort", "size"), "sort: 'size' is not known"),
        (("confidence", "a..b"), "confidence: 'a..b' must be a range"),
        (("group", "-1"), "group: '-1' must be a number"),
        (("act", "x" * 500), "act: 'xxx"),
    ],
)
def test_what_is_not_known_is_one_line(tabled: Columns, pair: tuple[str, str], said: str) -> None:
    with pytest.raises(ParamsError) as found:
        Query.parsed([pair], tabled)
    assert str(found.value).startswith(said)
    assert len(str(found.value)) < 300


def test_what_is_none_of_ours_is_passed_over(tabled: Columns) -> None:
    assert Query.parsed([("at", "7"), ("utm", "x")], tabled) == Query({})
