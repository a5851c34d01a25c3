"""Predictions as a Parquet file, written bit by bit."""

from collections.abc import Iterable
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from swatchbook.prediction.prediction_files import flat
from swatchbook.prediction.predictions import Prediction

_AT_ONCE = 5000
_NEIGHBOUR = pa.struct(
    [("sha256", pa.string()), ("path", pa.string()), ("label", pa.string()),
     ("similarity", pa.float64())]
)  # fmt: skip


def write(rows: Iterable[Prediction], path: Path, top: int) -> None:
    """Write ``rows`` with ``top`` classes each."""
    schema = pa.schema([(name, _kind(name)) for name in flat(Prediction("", "", ""), top)])
    rows = iter(rows)
    with pq.ParquetWriter(path, schema) as writer:
        while some := list(islice(rows, _AT_ONCE)):
            content = [
                {**flat(row, top), "neighbours": [asdict(one) for one in row.neighbours]}
                for row in some
            ]
            writer.write_table(pa.Table.from_pylist(content, schema))


def _kind(column: str) -> pa.DataType:
    if column == "neighbours":
        return pa.list_(_NEIGHBOUR)
    return pa.float64() if column == "confidence" or column.startswith("p_") else pa.string()
