"""Files of a folder of shards; without what reads them, so that a command can look for them."""

from pathlib import Path

FACTS, ROWS = "manifest.json", "manifest.parquet"


def is_pack(folder: Path) -> bool:
    """Whether a folder holds shards."""
    return (folder / FACTS).is_file() and (folder / ROWS).is_file()
