"""Whether results of shards are complete: manifest = answered + not sure + refused, or it says
what is missing; and all of them as one file."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from swatchbook.base import files
from swatchbook.base.errors import DataError
from swatchbook.base.text import escaped
from swatchbook.prediction.formats import format_of
from swatchbook.prediction.predictions import REFUSED
from swatchbook.shards.chunks import Chunks

SUMMARY = "scored.json"


@dataclass
class Completeness:
    """What was found of the ``wanted`` images.

    ``statuses`` and ``reasons`` (of refusals) count images; ``flaws`` has the shards without whole
    results and why, ``missing`` the number of their images.
    """

    wanted: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    flaws: dict[int, str] = field(default_factory=dict)
    missing: int = 0

    @property
    def found(self) -> int:
        """How many images have a result."""
        return self.statuses.total()

    @property
    def complete(self) -> bool:
        """Whether every image has one, and just one."""
        return not self.flaws and self.found == self.wanted

    @property
    def refused_share(self) -> float:
        """The share of the results that are refusals."""
        return self.statuses[REFUSED] / self.found if self.found else 0.0


def judge(chunks: Chunks) -> Completeness:
    """Hold every chunk against the manifest, image by image; where all are there, write a summary.

    A chunk whose images are not those of its shard is a flaw: ``other images``.
    """
    result = Completeness()
    for shard in range(chunks.manifest.shards):
        wanted = chunks.wanted(shard)
        result.wanted += len(wanted)
        flaw = chunks.flaw(shard)
        rows = None if flaw else chunks.read(shard)
        if rows is not None and (
            rows["path"].to_pylist() != list(wanted["path"])
            or rows["sha256"].to_pylist() != list(wanted["sha256"])
        ):
            flaw = "other images"
        if flaw or rows is None:
            result.flaws[shard] = flaw or "missing"
            result.missing += len(wanted)
            continue
        result.statuses.update(rows["status"].to_pylist())
        result.reasons.update(reason for reason in rows["reason"].to_pylist() if reason)
    summary = chunks.folder / SUMMARY
    if result.complete:
        facts = {key: value for key, value in chunks.facts.items() if key != "format"}
        counts = dict(sorted(result.statuses.items()))
        reasons = dict(sorted(result.reasons.items()))
        content = {"images": result.wanted, **counts, "reasons": reasons, **facts}
        files.write_json(summary, content)
    else:
        summary.unlink(missing_ok=True)
    return result


def merge(chunks: Chunks, out: Path) -> int:
    """Write the results that are there to one CSV or Parquet file, in the manifest's order.

    One chunk at a time is in memory. Returns how many rows.

    Raises:
        DataError: where there are none.
    """
    kind = format_of(out)
    if kind == "json":
        raise DataError(f"--merge: {str(out)!r} must end with one of .csv, .parquet")
    parts = chunks.all()
    first = next(parts, None)
    if first is None:
        raise DataError(f"{chunks.folder}: has no results yet; run its shards first")
    count = 0
    with files.replacing(out) as temporary:
        if kind == "parquet":
            with pq.ParquetWriter(temporary, first.schema) as writer:
                for rows in _with(first, parts):
                    writer.write_table(rows)
                    count += rows.num_rows
        else:
            with pyarrow.csv.CSVWriter(temporary, first.schema) as writer:
                for rows in _with(first, parts):
                    writer.write_table(_for_spreadsheets(rows))
                    count += rows.num_rows
    return count


def _with(first: pa.Table, others: Iterator[pa.Table]) -> Iterator[pa.Table]:
    yield first
    for rows in others:
        yield rows.cast(first.schema)


def _for_spreadsheets(rows: pa.Table) -> pa.Table:
    for number, column in enumerate(rows.schema):
        if pa.types.is_string(column.type):
            values = [escaped(value) for value in rows.column(number).to_pylist()]
            rows = rows.set_column(number, column, pa.array(values, pa.string()))
    return rows
