"""A given test part: ``annotations/<data set>.test.tsv`` names its images (``split.by: list``)."""

from pathlib import PurePosixPath

import pandas as pd

from swatchbook.annotations import FOLDER
from swatchbook.errors import DataError


def read(data_set: str, curated: pd.DataFrame) -> set[str]:
    """Digests of the kept images that ``annotations/<data set>.test.tsv`` names.

    Its rows are ``label<TAB>file name``, matched without regard to case; the file name may have
    as much of its path as makes it the only one. A row that names a dropped duplicate stands
    for the image that was kept in its place.

    Raises:
        DataError: where the file is missing, a row has another form or names no image.
    """
    path = FOLDER / f"{data_set}.test.tsv"
    try:
        # utf-8-sig: spreadsheets write a byte order mark
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise DataError(f"split.by: list needs {path} (label<TAB>file name)") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text: {error.reason}") from None
    sources, groups = list(curated["source"]), list(curated["group"])
    labels, kept, digests = list(curated["label"]), list(curated["kept"]), list(curated["sha256"])
    named: dict[tuple[str, str], list[int]] = {}
    kept_of: dict[tuple[str, str], list[int]] = {}
    for row, (label, source) in enumerate(zip(labels, sources, strict=True)):
        named.setdefault((label.casefold(), _file_name(source)), []).append(row)
        if kept[row]:
            kept_of.setdefault((groups[row], label), []).append(row)
    chosen: set[int] = set()
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        label, _, name = (part.strip() for part in line.partition("\t"))
        if not name:
            raise DataError(f"{path}, line {number}: {line!r} is not label<TAB>file name")
        found = named.get((label.casefold(), _file_name(name)), [])
        if "/" in name:
            wanted = f"/{name}".casefold()
            found = [row for row in found if f"/{sources[row]}".casefold().endswith(wanted)]
        if not found:
            raise DataError(f"{path}, line {number}: no usable image {name!r} in class {label!r}")
        if len({groups[row] for row in found}) > 1:
            raise DataError(
                f"{path}, line {number}: {name!r} names {len(found)} images, "
                f"{sources[found[0]]} and others: give more of the path"
            )
        own = [row for row in found if kept[row]]
        chosen.update(own or kept_of.get((groups[found[0]], labels[found[0]]), []))
    if not chosen:
        raise DataError(f"{path}: names no image")
    return {digests[row] for row in chosen}


def _file_name(source: str) -> str:
    return PurePosixPath(source).name.casefold()
