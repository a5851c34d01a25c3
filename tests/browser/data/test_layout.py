"""The map: alike stands near alike, the same seed gives the same picture, and an area holds what
is inside of it."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.path import Path as Polygon

from benchmarks.made_tables import write_tables
from swatchbook.base.errors import DataError, ParamsError
from swatchbook.browser.data import columns, layout, query
from swatchbook.browser.data.layout import Layout
from swatchbook.browser.data.query import Area, Query, Selections
from swatchbook.project import tables
from swatchbook.project.tables import Features


def written(count: int = 300, missing: int = 0) -> columns.Columns:
    """Images whose features lie around one of three corners, by their class."""
    write_tables(count)
    c = columns.load()
    chance = np.random.default_rng(0)
    corners = 8 * np.eye(3, 40, dtype=np.float32)
    vectors = corners[np.asarray(c.label) % 3] + chance.normal(0, 1, (count, 40))
    names = [digest.decode() for digest in c.sha256]
    vectors = vectors.astype(np.float32)
    tables.write_features(Features(names[missing:], vectors[missing:], {"network": "n"}))
    return c


def test_alike_stands_near_alike_and_twice_the_same() -> None:
    c = written()
    found = Layout(c)
    first = found.placed()
    assert first.kind == "pca"
    assert np.abs(first.positions).max() == pytest.approx(1)
    path = layout.make()
    content = path.read_bytes()
    second = found.placed()
    assert (second.kind, second.name) == ("tsne", path.stem)
    label = np.asarray(c.label)
    away = np.linalg.norm(second.positions[:, None] - second.positions[None], axis=2)
    np.fill_diagonal(away, np.inf)
    near = np.argsort(away, axis=1)[:, :10]
    assert (label[near] == label[:, None]).mean() > 0.95
    path.unlink()
    assert layout.make().read_bytes() == content


def test_an_image_among_those_of_another_class_is_an_island() -> None:
    c = written()
    layout.make()
    share = Layout(c).islands()
    assert np.nanmean(share) < 0.1
    # one whose label says otherwise
    odd = c.__class__(**{**c.__dict__, "label": np.array(c.label)})
    odd.label[7] = (odd.label[7] + 1) % 3
    assert Layout(odd).islands()[7] > 0.9


def test_images_without_features_have_no_place() -> None:
    c = written(missing=5)
    assert np.isnan(Layout(c).placed().positions[:5]).all()
    layout.make()
    placed = Layout(c).placed()
    assert np.isnan(placed.positions[:5]).all()
    assert np.isfinite(placed.positions[5:]).all()
    assert (placed.near[:5] == -1).all()


def test_of_very_many_a_part_is_laid_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "_MOST", 150)
    c = written()
    layout.make()
    placed = Layout(c).placed()
    label = np.asarray(c.label)
    away = np.linalg.norm(placed.positions[:, None] - placed.positions[None], axis=2)
    np.fill_diagonal(away, np.inf)
    assert (label[np.argsort(away, axis=1)[:, 0]] == label).mean() > 0.9
    # nearly all of the nearest are found in the cells that are looked at
    assert np.nanmean(Layout(c).islands()) < 0.1


def test_too_few_images_or_none_are_told() -> None:
    c = written(20)
    with pytest.raises(DataError, match="a map needs at least 45 images"):
        layout.make()
    Path("data/features.parquet").unlink()
    with pytest.raises(DataError, match="dvc repro featurize"):
        Layout(c).placed()


corner = st.tuples(*[st.floats(-1, 1, allow_subnormal=False).map(lambda x: round(x, 3))] * 2)


@given(st.lists(corner, min_size=3, max_size=12, unique=True))
def test_an_area_holds_what_is_inside(corners: list[tuple[float, float]]) -> None:
    points = np.random.default_rng(0).uniform(-1, 1, (500, 2)).astype(np.float32)
    area = Area("tsne", tuple(corners))
    assert Area.parsed(area.text) == area
    found = area.holds(points)
    # the same of another library, where corners make a simple outline
    order = np.argsort(np.arctan2(*(np.array(corners) - np.mean(corners, axis=0)).T))
    simple = [corners[n] for n in order]
    same = Area("tsne", tuple(simple)).holds(points)
    wanted = Polygon([*simple, simple[0]], closed=True).contains_points(points)
    sides = zip(simple, simple[1:] + simple[:1], strict=True)
    edge = np.min([_away(points, a, b) for a, b in sides], axis=0)
    assert (same == wanted)[edge > 1e-6].all()
    assert found.shape == (500,)


def _away(points: np.ndarray, a: tuple[float, float], b: tuple[float, float]) -> np.ndarray:
    start, way = np.array(a), np.array(b) - a
    share = np.clip((points - start) @ way / max(float(way @ way), 1e-12), 0, 1)
    return np.linalg.norm(points - start - share[:, None] * way, axis=1)


def test_an_area_is_a_filter_of_the_map_it_was_drawn_on() -> None:
    c = written()
    found = Layout(c)
    selections = Selections(c, found)
    placed = found.placed()
    half = f"{placed.name}:-2,-2;0,-2;0,2;-2,2"
    wanted = Query.parsed([("area", half)], c)
    assert wanted.address.startswith("area=pca")
    rows = selections.rows(wanted, np.full(len(c), query.NO_ACT))
    assert sorted(rows) == np.flatnonzero(placed.positions[:, 0] < 0).tolist()
    layout.make()
    with pytest.raises(ParamsError, match="choose it again on /map"):
        selections.rows(wanted, np.full(len(c), query.NO_ACT))
    for wrong in ("x", "a:1,2", "a:1,2;3,4;b", f"a:{';'.join(['1,1'] * 300)}"):
        with pytest.raises(ParamsError, match="must be 3 to 200 corners"):
            Query.parsed([("area", wrong)], c)


def test_old_maps_make_room() -> None:
    c = written()
    for number in range(5):
        names = [digest.decode() for digest in c.sha256]
        vectors = np.random.default_rng(number).normal(0, 1, (len(c), 40)).astype(np.float32)
        tables.write_features(Features(names, vectors, {"network": "n"}))
        path = layout.make()
    assert len(list(path.parent.glob("*.npz"))) == 3
