"""What shards hold: the one list that every count is held against.

``manifest.parquet`` has a row for each image, in the order of the shards: ``path, sha256, bytes,
shard, row``, and whatever else is known of it (tiles: where they are). ``manifest.json`` counts.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from swatchbook.base import files
from swatchbook.base.errors import DataError
from swatchbook.shards.paths import FACTS, ROWS, is_pack

FORMAT = 1
COLUMNS = ["path", "sha256", "bytes", "shard", "row"]


@dataclass(frozen=True)
class Manifest:
    """Images by shard: ``rows`` has the columns named above, ``facts`` what the JSON file says."""

    rows: pd.DataFrame
    facts: dict[str, Any]

    @property
    def digest(self) -> str:
        """What tells this manifest apart from every other."""
        return str(self.facts["digest"])

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return int(self.facts["shards"])

    @cached_property
    def of_shards(self) -> dict[int, pd.DataFrame]:
        """The rows of each shard, in their order."""
        groups = self.rows.groupby("shard", sort=True)
        return {int(str(shard)): rows for shard, rows in groups}

    def write(self, folder: Path) -> None:
        """Write both files: beside the shards, and beside results, which stay countable alone."""
        with files.replacing(folder / ROWS) as temporary:
            self.rows.to_parquet(temporary, index=False)
        # every digit: coordinates are among the facts
        text = json.dumps(self.facts, indent=2, ensure_ascii=False)
        files.write_bytes(folder / FACTS, f"{text}\n".encode())


def new(rows: pd.DataFrame, **facts: Any) -> Manifest:
    """The manifest of shards with these ``rows``; ``facts`` are kept beside the counts."""
    return Manifest(
        rows,
        {
            "format": FORMAT,
            "images": len(rows),
            "bytes": int(rows["bytes"].sum()),
            "shards": int(rows["shard"].max()) + 1 if len(rows) else 0,
            "digest": _digest(rows),
            **facts,
        },
    )


def read(folder: Path) -> Manifest:
    """The manifest in a folder of shards, or of results.

    Raises:
        DataError: where there is none, or it isn't whole.
    """
    if not is_pack(folder):
        raise DataError(
            f"{str(folder)!r} holds no shards: {FACTS} and {ROWS} are needed; "
            "`swatchbook pack` makes them"
        )
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        rows = pd.read_parquet(folder / ROWS)
        version = facts["format"]
        whole = list(rows.columns[: len(COLUMNS)]) == COLUMNS and facts["digest"] == _digest(rows)
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise DataError(
            f"{folder / FACTS}: can't be read ({type(error).__name__}); take a whole copy, or "
            "`swatchbook pack` the images again"
        ) from None
    if version != FORMAT:
        raise DataError(
            f"{folder / FACTS}: of format {version!r}, this Swatchbook knows {FORMAT}; `swatchbook "
            "pack` the images again, or use the version that packed them"
        )
    if not whole:
        raise DataError(
            f"{folder}: {ROWS} is not the one that {FACTS} tells of; take a whole "
            "copy, or `swatchbook pack` the images again"
        )
    return Manifest(rows, facts)


def _digest(rows: pd.DataFrame) -> str:
    # of values, not of the file: another version of the format would write other bytes
    names = sorted(rows.columns)
    values = rows[names].to_csv(index=False, lineterminator="\n", float_format="%.17g")
    return files.digest(values.encode("utf-8", "surrogatepass"))
