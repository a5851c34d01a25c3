"""What tiles really are, by a raster of land cover: a class for each by a rule that is named."""

import contextlib
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from swatchbook.base.errors import DataError, first_line
from swatchbook.maps.grid import Grid
from swatchbook.maps.imagery import rasterio

# points a side that are looked at in a tile, but for the rule of nine
_MOST_POINTS = 24
_PALETTE = (
    "#1b7837", "#d6b35e", "#969696", "#c51b3f", "#4575b4", "#e08214", "#7b3294", "#66c2a5",
    "#a6761d", "#e7298a", "#000000", "#b2df8a",
)  # fmt: skip
_MOST_CODE = 65_535
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True)
class Classes:
    """Names and colours of classes in their order; ``codes`` are the raster's, by class.

    ``groups`` names what classes are taken together in a second table (empty: nothing).
    """

    names: list[str]
    colours: list[str]
    codes: dict[int, str]
    groups: dict[str, str]


@dataclass(frozen=True)
class Rule:
    """``nine``: nine points in a lattice all agree; ``plurality``: the most frequent class;
    ``share``: that, if it has at least ``least`` of the tile."""

    name: str
    least: float = 0.0

    def __str__(self) -> str:
        return f"{self.name}:{self.least:g}" if self.least else self.name

    @classmethod
    def of(cls, text: str) -> "Rule":
        """The rule that a text names. Raises DataError where it names none."""
        kind, _, number = text.partition(":")
        if text in ("nine", "plurality"):
            return cls(text)
        try:
            if kind == "share" and 0 < float(number) <= 1:
                return cls(kind, float(number))
        except ValueError:
            pass
        raise DataError(f"--rule: {text!r} is not one of nine, plurality, share:0.8")


def classes_of(path: Path) -> Classes:
    """Read a CSV with columns ``code``, ``class`` and, if wanted, ``group`` and ``colour``.

    Raises:
        DataError: where it can't be read, or a code has two classes.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"--classes: {path} can't be read: {first_line(error)}; is it a CSV?"
        ) from None
    codes: dict[int, str] = {}
    colours: dict[str, str] = {}
    groups: dict[str, str] = {}
    for number, row in enumerate(rows, start=2):
        where = f"--classes: {path}, line {number}"
        code, name = (row.get("code") or "").strip(), (row.get("class") or "").strip()
        if not code.isdecimal() or not name or int(code) > _MOST_CODE:
            raise DataError(
                f"{where}: a whole number `code` of at most {_MOST_CODE} and a `class` are needed"
            )
        if "/" in name or "\\" in name or name.startswith("."):
            raise DataError(
                f"{where}: {name!r} can't be the name of a folder; write it without / and \\"
            )
        if codes.setdefault(int(code), name) != name:
            raise DataError(
                f"{where}: code {code} is {codes[int(code)]!r} already; keep one of them"
            )
        colour = (row.get("colour") or row.get("color") or "").strip()
        if colour and not _COLOUR.fullmatch(colour):
            raise DataError(f"{where}: {colour!r} is no colour: #rrggbb is needed")
        if colour:
            colours[name] = colour
        if group := (row.get("group") or "").strip():
            groups[name] = group
    if not codes:
        raise DataError(f"--classes: {path} has no rows; columns code and class are needed")
    names = list(dict.fromkeys(codes.values()))
    shown = [colours.get(name, _PALETTE[n % len(_PALETTE)]) for n, name in enumerate(names)]
    return Classes(names, shown, codes, groups)


def colours_of(names: list[str], known: dict[str, str]) -> list[str]:
    """Colours of classes: those that are known, and others for the rest."""
    free = [colour for colour in _PALETTE if colour not in known.values()] or list(_PALETTE)
    rest = [name for name in names if name not in known]
    own = {name: free[number % len(free)] for number, name in enumerate(rest)}
    return [known.get(name) or own[name] for name in names]


def labels(grid: Grid, path: Path, crs: str, classes: Classes, rule: Rule) -> Iterator[list[str]]:
    """The classes of the tiles of each row of ``grid``; empty where the rule finds none.

    ``crs`` overrides what the raster says of its coordinate system (empty: it is right).

    Raises:
        DataError: where the raster can't be read, or lies elsewhere.
    """
    package = rasterio()
    with _opened(path, crs) as (file, theirs):
        ours = package.crs.CRS.from_wkt(grid.crs)
        # of a whole country's land cover only what lies below the images
        left, _, _, top = grid.corners(0, 0)
        _, bottom, right, _ = grid.corners(grid.rows - 1, grid.columns - 1)
        bounds = package.warp.transform_bounds(ours, theirs, left, bottom, right, top)
        window = _window(file, bounds)
        if window is None:
            raise _elsewhere(path)
        values, known = _codes(file.read(1, window=window, masked=True))
        inverse = ~file.window_transform(window)
        points = 3 if rule.name == "nine" else _points(grid, ours, theirs, file)
        table = np.full(_MOST_CODE + 1, -1, np.int16)
        for code, name in classes.codes.items():
            table[code] = classes.names.index(name)
        seen = 0
        for row in range(grid.rows):
            x, y = _lattice(grid, row, points)
            across, down = package.warp.transform(ours, theirs, x.ravel(), y.ravel())
            columns, rows = inverse * (np.asarray(across), np.asarray(down))
            columns, rows = np.floor(columns).astype(int), np.floor(rows).astype(int)
            height, width = values.shape
            inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
            seen += int(inside.sum())
            found = np.full(len(columns), -1, np.int16)
            places = rows[inside], columns[inside]
            found[inside] = np.where(known[places], table[values[places]], -1)
            yield _judged(found.reshape(grid.columns, -1), classes.names, rule)
    if not seen:
        raise _elsewhere(path)


@contextlib.contextmanager
def _opened(path: Path, crs: str) -> Iterator[tuple[Any, Any]]:
    """A raster of land cover and its coordinate system. Raises DataError."""
    package = rasterio()
    try:
        file = package.open(path)
    except (package.errors.RasterioError, OSError) as error:
        raise DataError(
            f"--labels: {path} is no raster that can be read: {first_line(error)}; is it whole?"
        ) from None
    with file:
        if file.crs is None and not crs:
            raise DataError(
                f"--labels: {path} says not where it is; name its coordinate system by --labels-crs"
            )
        if file.transform.b or file.transform.d or file.transform.e >= 0:
            raise DataError(f"--labels: {path} is turned or upside down; `rio warp` mends it")
        try:
            theirs = package.crs.CRS.from_user_input(crs) if crs else file.crs
        except (package.errors.CRSError, ValueError) as error:
            raise DataError(
                f"--labels-crs: {crs!r} is not known: {first_line(error)}; give EPSG:…"
            ) from None
        yield file, theirs


def datum_note(path: Path, crs: str, grid: Grid) -> str:
    """What is to be said where labels and images name other datums; empty: nothing.

    Raises:
        DataError: where the labels can't be read, or say not where they are.
    """
    with _opened(path, crs) as (_, system):
        theirs = system.to_wkt()
    names = [re.search(r'DATUM\["([^"]+)"', wkt) for wkt in (theirs, grid.crs)]
    theirs_name, ours_name = (found[1] if found else "unknown" for found in names)
    if theirs_name == ours_name:
        return ""
    return (
        f"{path.name} is in the datum {theirs_name}, the images in {ours_name}: some metres apart, "
        "or more if one of them is wrong (--labels-crs)"
    )


def _codes(read: np.ma.MaskedArray) -> tuple[np.ndarray, np.ndarray]:
    """Values as codes ``int64``, 0 where there is none, and where there is one."""
    values = np.ma.getdata(read)
    known = ~np.ma.getmaskarray(read)
    if values.dtype.kind == "f":
        known &= np.isfinite(values)
        values = np.nan_to_num(values)
    known &= (values >= 0) & (values <= _MOST_CODE)
    return np.where(known, values, 0).astype(np.int64), known


def _window(file: Any, bounds: tuple[float, float, float, float]) -> Any:
    """The pixels of a raster within ``bounds``, and two around; None: it has none there."""
    windows = rasterio().windows
    found = windows.from_bounds(*bounds, transform=file.transform)
    first_row, first_column = int(found.row_off) - 2, int(found.col_off) - 2
    last_row = int(found.row_off + found.height) + 3
    last_column = int(found.col_off + found.width) + 3
    top, left = max(0, first_row), max(0, first_column)
    height = min(file.height, last_row) - top
    width = min(file.width, last_column) - left
    return windows.Window(left, top, width, height) if height > 0 and width > 0 else None


def _elsewhere(path: Path) -> DataError:
    return DataError(
        f"--labels: {path} lies elsewhere than the images; is its coordinate system right? "
        "--labels-crs names another"
    )


def _judged(found: np.ndarray, names: list[str], rule: Rule) -> list[str]:
    """``found (tiles, points)`` are numbers of classes, -1 of none."""
    result = []
    for points in found:
        votes = np.bincount(points[points >= 0], minlength=len(names))
        best = int(votes.argmax())
        # a tile of which less than half is known is not known
        enough = {
            "nine": votes[best] == len(points),
            "plurality": 2 * votes.sum() >= len(points),
            "share": votes[best] >= rule.least * len(points),
        }[rule.name]
        result.append(names[best] if enough and votes[best] else "")
    return result


def _points(grid: Grid, ours: object, theirs: object, file: object) -> int:
    """Points a side, so that no pixel of the labels is passed over, within reason."""
    left, bottom, right, top = grid.corners(grid.rows // 2, grid.columns // 2)
    across, down = rasterio().warp.transform(ours, theirs, [left, right], [top, bottom])
    transform = file.transform  # type: ignore[attr-defined]
    side = max(abs(across[1] - across[0]) / transform.a, abs(down[1] - down[0]) / -transform.e)
    return int(np.clip(np.ceil(side), 3, _MOST_POINTS))


def _lattice(grid: Grid, row: int, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates ``(columns, points²)`` of a lattice in each tile of a row."""
    steps = (np.arange(points) + 0.5) / points * grid.side
    x = grid.left + (np.arange(grid.columns)[:, None] * grid.side + steps) * grid.width
    y = grid.top - (row * grid.side + steps) * grid.height
    shape = (grid.columns, points, points)
    xs = np.broadcast_to(x[:, None, :], shape).reshape(grid.columns, -1)
    ys = np.broadcast_to(y[None, :, None], shape).reshape(grid.columns, -1)
    return xs, ys
