"""Which images are shown and in what order, as the address of a page says it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from swatchbook.base.errors import ParamsError, did_you_mean
from swatchbook.browser.data.columns import Columns
from swatchbook.browser.data.columns_of_tables import NONE, OUTCOMES, SUBSETS
from swatchbook.browser.data.layout import Layout
from swatchbook.review.choices import KINDS

# of an image with the acts on it: what a person has said, and whether it is in the tables yet
ACTS = ("none", "any", "relabel", "confirm", "exclude", "pending")
NO_ACT, EXCLUDED = -1, -2
_RESULTS = ("right", "wrong")
_UNSPLIT = "none"
_SHORTEST_DIGEST = 4
_MOST_CORNERS = 200
_SORTS: dict[str, Callable[[Columns], np.ndarray]] = {
    "source": lambda c: np.arange(len(c)),
    "confidence": lambda c: c.confidence,
    "margin": lambda c: c.top_p[:, 0] - c.top_p[:, 1],
    "label": lambda c: c.label,
    "predicted": lambda c: c.predicted,
    "suspect": lambda c: c.rank,
    "group": lambda c: np.where(c.group < 0, np.iinfo(np.int32).max, c.group),
    "pixels": lambda c: c.width.astype(np.int64) * c.height,
    "digest": lambda c: c.sha256,
}
SORTS = tuple(_SORTS)
_FILTERS = ("label", "predicted", "subset", "outcome", "suspect", "result", "act")


@dataclass(frozen=True)
class Area:
    """A polygon ``(m, 2)`` on the map called ``of`` (``layout.Placed.name``)."""

    of: str
    corners: tuple[tuple[float, float], ...]

    @classmethod
    def parsed(cls, text: str) -> "Area | None":
        """Of ``MAP:x,y;x,y;…``; None of nothing. Raises ParamsError."""
        if not text:
            return None
        of, _, places = text.partition(":")
        try:
            corners = [tuple(map(float, place.split(","))) for place in places.split(";")]
        except ValueError:
            corners = []
        if not 3 <= len(corners) <= _MOST_CORNERS or any(len(one) != 2 for one in corners):
            raise ParamsError(
                f"area: {text[:40]!r} must be 3 to {_MOST_CORNERS} corners on the map, as it makes "
                "them"
            )
        return cls(of, tuple((x, y) for x, y in corners))

    @property
    def text(self) -> str:
        """As ``parsed`` takes it."""
        return f"{self.of}:{';'.join(f'{x:g},{y:g}' for x, y in self.corners)}"

    def holds(self, positions: np.ndarray) -> np.ndarray:
        """Which of positions ``(n, 2)`` are inside ``(n,) bool``: those from which a ray crosses an
        odd number of sides."""
        x, y = positions.T.astype(np.float64)
        inside = np.zeros(len(positions), bool)
        ends = [*self.corners[1:], self.corners[0]]
        for (ax, ay), (bx, by) in zip(self.corners, ends, strict=True):
            crosses = (ay > y) != (by > y)
            if ay != by:
                inside ^= crosses & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
        return inside


@dataclass(frozen=True)
class Query:
    """Filters that all hold; of the values of one filter any. ``sort`` with a minus: descending."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    confidence: tuple[float, float] | None = None
    group: int | None = None
    area: "Area | None" = None
    text: str = ""
    sort: str = "source"

    @classmethod
    def parsed(cls, pairs: Iterable[tuple[str, str]], columns: Columns) -> "Query":
        """Of the parameters of an address; those that are none of ours are passed over.

        Raises:
            ParamsError: a value that is not known.
        """
        values: dict[str, tuple[str, ...]] = {}
        rest: dict[str, str] = {}
        for name, value in pairs:
            if name in _FILTERS:
                _check(name, value, _known(name, columns))
                values[name] = tuple(dict.fromkeys((*values.get(name, ()), value)))
            else:
                rest[name] = value
        sort = rest.get("sort", "source")
        _check("sort", sort.removeprefix("-"), SORTS)
        group = rest.get("group", "")
        if group and not group.isdecimal():
            raise ParamsError(f"group: {group[:80]!r} must be a number, as in group=3")
        return cls(
            values, _range(rest.get("confidence", "")), int(group) if group else None,
            Area.parsed(rest.get("area", "")), rest.get("q", "").strip(), sort,
        )  # fmt: skip

    @property
    def address(self) -> str:
        """What stands behind the ? of a page's address."""
        pairs = [(name, value) for name in _FILTERS for value in self.values.get(name, ())]
        if self.confidence:
            pairs.append(("confidence", f"{self.confidence[0]:g}..{self.confidence[1]:g}"))
        if self.group is not None:
            pairs.append(("group", str(self.group)))
        if self.area:
            pairs.append(("area", self.area.text))
        if self.text:
            pairs.append(("q", self.text))
        if self.sort != "source":
            pairs.append(("sort", self.sort))
        return urlencode(pairs)


class Selections:
    """The rows of queries of one state of the tables; orders are made once."""

    def __init__(self, columns: Columns, layout: Layout) -> None:
        self.columns = columns
        self._layout = layout
        self._orders: dict[str, np.ndarray] = {}
        self._matches = lru_cache(8)(self._of_text)

    def rows(self, query: Query, acts: np.ndarray) -> np.ndarray:
        """The rows ``(m,) int64`` in the order asked for; ``acts (n,) int32`` is what people said:
        the code of a class, NO_ACT or EXCLUDED."""
        mask = self._mask(query, acts)
        order = self._order(query.sort)
        return order if mask is None else order[mask[order]]

    def facets(self, query: Query, acts: np.ndarray) -> dict[str, dict[str, int]]:
        """How many images each value of each filter would show, all other filters held."""
        parts = self._parts(query, acts)
        found = {}
        for name in _FILTERS:
            mask = _all([part for other, part in parts.items() if other != name])
            found[name] = self._counts(name, acts, mask)
        return found

    def _order(self, sort: str) -> np.ndarray:
        if sort not in self._orders:
            keys = _SORTS[sort.removeprefix("-")](self.columns)
            if sort.startswith("-") and keys.dtype.kind != "S":
                keys = -keys.astype(np.float64)
            # what has no value comes last either way
            self._orders[sort] = np.argsort(keys, kind="stable")
            if sort.startswith("-") and keys.dtype.kind == "S":
                self._orders[sort] = self._orders[sort][::-1]
        return self._orders[sort]

    def _mask(self, query: Query, acts: np.ndarray) -> np.ndarray | None:
        return _all(list(self._parts(query, acts).values()))

    def _parts(self, query: Query, acts: np.ndarray) -> dict[str, np.ndarray]:
        """By filter, which images it lets through ``(n,) bool``."""
        c = self.columns
        parts: dict[str, np.ndarray] = {}
        for name, values in query.values.items():
            each = [self._having(name, value, acts) for value in values]
            parts[name] = each[0] if len(each) == 1 else np.logical_or.reduce(each)
        if query.confidence:
            low, high = query.confidence
            parts["confidence"] = (c.confidence >= low) & (c.confidence <= high)
        if query.group is not None:
            parts["group"] = c.group == query.group
        if query.area:
            placed = self._layout.placed()
            if placed.name != query.area.of:
                raise ParamsError(
                    "area: was chosen on another map than there is now; choose it again on /map"
                )
            parts["area"] = query.area.holds(placed.positions)
        if query.text:
            parts["q"] = self._matches(query.text)
        return parts

    def _having(self, name: str, value: str, acts: np.ndarray) -> np.ndarray:
        """Which images have that value ``(n,) bool``."""
        return np.asarray(self._test(name, value, acts), bool)

    def _test(self, name: str, value: str, acts: np.ndarray) -> Any:
        c = self.columns
        match name:
            case "label":
                return c.label == c.classes.index(value)
            case "predicted":
                return c.predicted == c.classes.index(value)
            case "subset":
                return c.subset == SUBSETS.index("" if value == _UNSPLIT else value)
            case "outcome":
                return c.outcome == OUTCOMES.index(value)
            case "suspect":
                bits = c.suspect
                return bits != 0 if value == "any" else bits & (1 << KINDS.index(value)) != 0
            case "result":
                known = (c.predicted != NONE) & (c.label != NONE)
                return known & ((c.predicted == c.label) == (value == "right"))
        return _acted(c, value, acts)

    def _counts(self, name: str, acts: np.ndarray, mask: np.ndarray | None) -> dict[str, int]:
        c = self.columns
        codes = {
            "label": (c.label, c.classes), "predicted": (c.predicted, c.classes),
            "subset": (c.subset, (_UNSPLIT, *SUBSETS[1:])), "outcome": (c.outcome, OUTCOMES),
        }.get(name)  # fmt: skip
        if codes is None:
            return {
                value: _count(self._having(name, value, acts), mask) for value in _known(name, c)
            }
        column, names = codes
        counts = np.bincount(column if mask is None else column[mask], minlength=len(names))
        return {str(value): int(counts[number]) for number, value in enumerate(names)}

    def _of_text(self, text: str) -> np.ndarray:
        c = self.columns
        found = pc.match_substring(c.texts["source"], text, ignore_case=True)
        mask = np.asarray(found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found)
        lower = text.lower()
        if len(text) >= _SHORTEST_DIGEST and not lower.strip("0123456789abcdef"):
            mask = mask | np.char.startswith(c.sha256, lower.encode())
        return mask


def _acted(c: Columns, value: str, acts: np.ndarray) -> Any:
    match value:
        case "none":
            return acts == NO_ACT
        case "any":
            return acts != NO_ACT
        case "exclude":
            return acts == EXCLUDED
        case "confirm":
            return acts == c.given
        case "relabel":
            return (acts >= 0) & (acts != c.given)
    excluded = c.outcome == OUTCOMES.index("excluded")
    return ((acts >= 0) & (acts != c.label)) | ((acts == EXCLUDED) & ~excluded)


def _all(masks: list[np.ndarray]) -> np.ndarray | None:
    return np.logical_and.reduce(masks) if masks else None


def _count(having: np.ndarray, mask: np.ndarray | None) -> int:
    return int(np.count_nonzero(having if mask is None else having & mask))


def _known(name: str, columns: Columns) -> tuple[str, ...]:
    match name:
        case "subset":
            return (_UNSPLIT, *SUBSETS[1:])
        case "outcome":
            return OUTCOMES
        case "suspect":
            return ("any", *KINDS)
        case "result":
            return _RESULTS
        case "act":
            return ACTS
    return tuple(columns.classes)


def _check(name: str, value: str, known: Iterable[str]) -> None:
    names = tuple(known)
    if value not in names:
        shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
        raise ParamsError(
            f"{name}: {value[:80]!r} is not known.{did_you_mean(value, names)} Known: {shown}"
        )


def _range(text: str) -> tuple[float, float] | None:
    if not text:
        return None
    low, _, high = text.partition("..")
    try:
        found = float(low or 0), float(high or 1)
    except ValueError:
        raise ParamsError(f"confidence: {text[:80]!r} must be a range, as in 0.2..0.6") from None
    return found
