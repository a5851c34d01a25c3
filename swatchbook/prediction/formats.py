"""In what form predictions are written; without what writes them, so that options can name it."""

from pathlib import Path

from swatchbook.base.errors import DataError

FORMATS = ("csv", "json", "parquet")


def format_of(path: Path) -> str:
    """The format that a file's name says. Raises DataError where it says none."""
    name = path.suffix.lower().removeprefix(".")
    if name not in FORMATS:
        raise DataError(f"--out: {str(path)!r} must end with one of .{', .'.join(FORMATS)}")
    return name
