"""One shard: some images in a Parquet file, columns ``path``, ``sha256`` and ``content``.

The bytes are those of the files, as they were found: what they are is decided where they are
decoded, by the one door.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from swatchbook.base.errors import DataError

# images that a reader holds at once
_ROW_GROUP = 128
SCHEMA = pa.schema([("path", pa.string()), ("sha256", pa.string()), ("content", pa.binary())])


@dataclass(frozen=True)
class PackedImage:
    """An image of a shard: its name, the digest that it was packed under, and its bytes."""

    path: str
    sha256: str
    content: bytes


def name(shard: int) -> str:
    """The file of a shard."""
    return f"part-{shard:05}.parquet"


def write(images: list[PackedImage], path: Path) -> None:
    """Write a shard; equal images give equal bytes. Not compressed: images are already."""
    with pq.ParquetWriter(path, SCHEMA, compression="none", use_dictionary=False) as writer:
        for start in range(0, len(images), _ROW_GROUP):
            some = images[start : start + _ROW_GROUP]
            columns = [[getattr(image, field.name) for image in some] for field in SCHEMA]
            writer.write_table(pa.table(columns, SCHEMA))


def read(folder: Path, shard: int) -> Iterator[PackedImage]:
    """The images of a shard in their order, a row group in memory at a time.

    Raises:
        DataError: where its file is not there, or damaged.
    """
    path = folder / name(shard)
    try:
        with pq.ParquetFile(path) as file:
            for rows in file.iter_batches(_ROW_GROUP, columns=SCHEMA.names):
                for row in rows.to_pylist():
                    yield PackedImage(**row)
    except (OSError, pa.ArrowException) as error:
        missing = not path.is_file()
        raise DataError(
            f"{path}: {'is not there' if missing else f'cut short or damaged ({_short(error)})'}; "
            "take a whole copy, or `swatchbook pack` the images again"
        ) from None


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
