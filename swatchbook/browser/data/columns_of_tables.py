"""Columns out of the tables between stages: codes, numbers, and what is joined by digest."""

import csv
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from swatchbook.base.errors import DataError, first_line
from swatchbook.curation.annotations import EXCLUDE
from swatchbook.project import tables
from swatchbook.review.choices import KINDS

# codes of the columns ``subset`` and ``outcome``
SUBSETS = ("", tables.TRAIN, tables.TEST)
OUTCOMES = (
    "kept", tables.DUPLICATE, tables.NEAR_DUPLICATE, tables.CONFLICT, tables.EXCLUDED,
    "not curated",
)  # fmt: skip
# no class
NONE = np.uint16(65535)
TOP = 5
SOURCES = (tables.MANIFEST, tables.CURATED, tables.SPLIT, tables.PREDICTIONS, tables.SUSPECTS)
# of the manifest, and seldom asked for
TEXTS = ("path", "source", "url", "final_url", "licence", "author", "query", "fetched", "format",
         "dhash")  # fmt: skip
_BLOCK = 16 * 2**20


def made() -> tuple[dict[str, Any], dict[str, np.ndarray], dict[str, pa.Table]]:
    """Facts (classes; of images that came in several files the aliases of these), the columns by
    name, and the two tables (see ``columns.Columns``).

    Raises:
        DataError: where a table is none.
    """
    names = ["sha256", "file_sha256", "label", "status", "width", "height", "bytes", *TEXTS]
    manifest = _read(tables.MANIFEST, names)
    manifest = manifest.filter(pc.equal(manifest["status"], "ok"))
    digests = _digests(manifest["sha256"])
    # an image that stands in the source twice has one row here
    _, first = np.unique(digests, return_index=True)
    rows = np.sort(first)
    images = manifest.take(pa.array(rows))
    curated = _read(tables.CURATED, ["sha256", "label", "group", "kept", "reason"])
    predicted = _classes_of_predictions()
    labels = {*_distinct(manifest["label"]), *_distinct(curated["label"]), *predicted}
    classes = sorted(labels - {EXCLUDE})
    place = _Places(digests[rows])
    came = _digests(images["file_sha256"])
    arrays = {
        "sha256": digests[rows],
        "came": came,
        "by_sha256": place.order,
        "by_came": np.argsort(came, kind="stable"),
        "given": _codes(images["label"], classes),
        "width": _numbers(images["width"], np.int32),
        "height": _numbers(images["height"], np.int32),
        "size": _numbers(images["bytes"], np.int32),
        **_curated(place, curated, classes),
        **_split(place),
        **_predicted(place, predicted, classes),
    }
    suspicions = _suspicions(place)
    arrays |= _suspects(len(place), suspicions)
    # left out, or before dedupe has run
    without = arrays["label"] == NONE
    arrays["label"][without] = arrays["given"][without]
    others = np.setdiff1d(np.arange(len(digests)), rows)
    more = _digests(manifest["file_sha256"].take(pa.array(others)))
    aliases = {
        file.decode(): int(row) for file, row in zip(more, place.rows(digests[others]), strict=True)
    }
    facts = {"classes": classes, "aliases": aliases}
    texts = images.select(list(TEXTS)).combine_chunks()
    return facts, arrays, {"texts": texts, "suspicions": suspicions}


class _Places:
    """Where the rows of other tables belong."""

    def __init__(self, sha256: np.ndarray) -> None:
        self.order = np.argsort(sha256, kind="stable")
        self._sorted = sha256[self.order]

    def __len__(self) -> int:
        return len(self._sorted)

    def __call__(self, column: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
        """The rows here of those digests that have one, and which of the column these are."""
        wanted = _digests(column)
        if not len(self):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        found = np.minimum(np.searchsorted(self._sorted, wanted), len(self) - 1)
        there = np.flatnonzero(self._sorted[found] == wanted)
        return self.order[found[there]], there

    def rows(self, digests: np.ndarray) -> np.ndarray:
        """The rows here of digests that all have one."""
        return self.order[np.searchsorted(self._sorted, digests)]


def _curated(place: _Places, curated: pa.Table, classes: list[str]) -> dict[str, np.ndarray]:
    label = np.full(len(place), NONE)
    outcome = np.full(len(place), OUTCOMES.index("not curated"), np.uint8)
    group = np.full(len(place), -1, np.int32)
    rows, there = place(curated["sha256"])
    kept = pc.equal(curated["kept"], "True").to_numpy()[there]
    reasons = pc.replace_substring_regex(curated["reason"], r"^([\w-]*).*$", r"\1")
    reasons = pc.if_else(pc.equal(reasons, ""), OUTCOMES[0], reasons)
    codes = pc.index_in(reasons, value_set=pa.array(OUTCOMES)).to_numpy()[there]
    groups = pc.dictionary_encode(curated["group"]).combine_chunks()
    numbers = groups.indices.to_numpy(zero_copy_only=False)[there]
    sizes = np.bincount(numbers) if len(numbers) else np.zeros(1, int)
    labels = _codes(curated["label"], classes)[there]
    # of the rows of one image the one that goes on says most, else the first
    order = np.concatenate([np.flatnonzero(~kept)[::-1], np.flatnonzero(kept)])
    label[rows[order]] = labels[order]
    outcome[rows[order]] = codes[order]
    group[rows[order]] = np.where(sizes[numbers] > 1, numbers, -1)[order]
    return {"label": label, "outcome": outcome, "group": group}


def _split(place: _Places) -> dict[str, np.ndarray]:
    subset = np.zeros(len(place), np.uint8)
    fold = np.full(len(place), -1, np.int16)
    split = _read(tables.SPLIT, ["sha256", "subset", "fold"])
    rows, there = place(split["sha256"])
    codes = pc.index_in(split["subset"], value_set=pa.array(SUBSETS)).fill_null(0)
    subset[rows] = codes.to_numpy()[there]
    fold[rows] = _numbers(split["fold"], np.int16)[there]
    return {"subset": subset, "fold": fold}


def _classes_of_predictions() -> list[str]:
    if not tables.PREDICTIONS.path.is_file():
        return []
    with tables.PREDICTIONS.path.open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file), [])
    return tables.classes_of(pd.DataFrame(columns=header))


def _predicted(place: _Places, names: list[str], classes: list[str]) -> dict[str, np.ndarray]:
    top = np.full((len(place), TOP), NONE)
    top_p = np.zeros((len(place), TOP), np.float32)
    confidence = np.full(len(place), np.nan, np.float32)
    codes = np.array([classes.index(name) for name in names], np.uint16)
    count = min(TOP, len(names))
    columns = tables.probability_columns(names)
    # by blocks: of 200 classes and a million images, all at once would be gigabytes
    for block in _blocks(tables.PREDICTIONS, ["sha256", *columns]) if names else ():
        rows, there = place(block["sha256"])
        p = np.stack([_numbers(block[name], np.float32)[there] for name in columns], axis=1)
        order = np.argsort(-p, axis=1, kind="stable")[:, :count]
        top[rows, :count] = codes[order]
        top_p[rows, :count] = np.take_along_axis(p, order, axis=1)
        confidence[rows] = top_p[rows, 0]
    return {"predicted": top[:, 0].copy(), "confidence": confidence, "top": top, "top_p": top_p}


def _suspicions(place: _Places) -> pa.Table:
    """``row, rank, kind, suggested, why`` of each suspicion, sorted by row."""
    suspects = _read(tables.SUSPECTS, ["sha256", "kind", "suggested", "why"])
    rows, there = place(suspects["sha256"])
    order = np.argsort(rows, kind="stable")
    found = suspects.take(pa.array(there[order])).drop_columns("sha256")
    for name, column in (("rank", there[order]), ("row", rows[order])):
        found = found.add_column(0, name, pa.array(column, pa.int64()))
    return found.combine_chunks()


def _suspects(n: int, suspicions: pa.Table) -> dict[str, np.ndarray]:
    suspect, rank = np.zeros(n, np.uint16), np.full(n, n, np.int32)
    rows = suspicions["row"].to_numpy()
    bits = pc.index_in(suspicions["kind"], value_set=pa.array(KINDS)).fill_null(0).to_numpy()
    np.bitwise_or.at(suspect, rows, (1 << bits).astype(np.uint16))
    np.minimum.at(rank, rows, suspicions["rank"].to_numpy().astype(np.int32))
    return {"suspect": suspect, "rank": rank}


def _read(table: tables.Table, names: list[str]) -> pa.Table:
    """Some columns as text; no rows where there is no such file yet. Raises DataError."""
    schema = pa.schema([(name, pa.string()) for name in names])
    if not table.path.is_file():
        return schema.empty_table()
    return pa.concat_tables([schema.empty_table(), *_blocks(table, names)]).combine_chunks()


def _blocks(table: tables.Table, names: list[str]) -> Iterator[pa.Table]:
    # names of files may hold ends of lines
    parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
    convert = pyarrow.csv.ConvertOptions(
        include_columns=names, column_types=dict.fromkeys(names, pa.string())
    )
    read = pyarrow.csv.ReadOptions(block_size=_BLOCK)
    try:
        with pyarrow.csv.open_csv(table.path, read, parse, convert) as reader:
            for batch in reader:
                yield pa.table({name: _plain(batch[name]) for name in names})
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise DataError(
            f"{table.path}: not a table: {first_line(error)}; `dvc repro` makes it anew"
        ) from None


def _plain(column: pa.Array) -> pa.Array:
    """Without the apostrophe that keeps a spreadsheet from running what it protects."""
    marked = pc.starts_with(column, "'")
    if not pc.any(marked).as_py():
        return column
    return pc.if_else(marked, pc.utf8_slice_codeunits(column, 1), column)


def _digests(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(column.to_numpy(), dtype="S64")


def _distinct(column: pa.ChunkedArray) -> list[str]:
    names: list[str] = pc.unique(column).to_pylist()
    return names


def _codes(column: pa.ChunkedArray, classes: list[str]) -> np.ndarray:
    found = pc.index_in(column, value_set=pa.array(classes, pa.string()))
    codes: np.ndarray = found.fill_null(int(NONE)).to_numpy().astype(np.uint16)
    return codes


def _numbers(column: pa.ChunkedArray, kind: type) -> np.ndarray:
    if not len(column):
        return np.zeros(0, kind)
    numbers: np.ndarray = pc.cast(column, pa.float64()).to_numpy().astype(kind)
    return numbers
