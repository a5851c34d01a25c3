"""A given test part: ``annotations/<data set>.test.tsv`` names its images (``split.by: list``)."""

from pathlib import PurePosixPath

import pandas as pd

from swatchbook.base import lists
from swatchbook.base.errors import DataError
from swatchbook.base.text import normal
from swatchbook.curation.annotations import FOLDER


def read(data_set: str, curated: pd.DataFrame) -> set[str]:
    """Digests of the kept images that ``annotations/<data set>.test.tsv`` names.

    Its rows are ``label<TAB>file name`` (or with a comma or semicolon), matched without regard to
    case; the file name may have as much of its path as makes it the only one. A row that names a
    dropped duplicate stands for the image that was kept in its place.

    Raises:
        DataError: where the file is missing, a row has another form or names no image.
    """
    path = FOLDER / f"{data_set}.test.tsv"
    if not path.exists():
        raise DataError(f"split.by: list needs {path} (label<TAB>file name)")
    sources, groups = list(curated["source"]), list(curated["group"])
    labels, kept, digests = list(curated["label"]), list(curated["kept"]), list(curated["sha256"])
    named: dict[tuple[str, str], list[int]] = {}
    of_name: dict[str, list[int]] = {}
    kept_of: dict[tuple[str, str], list[int]] = {}
    for row, (label, source) in enumerate(zip(labels, sources, strict=True)):
        named.setdefault((label.casefold(), _file_name(source)), []).append(row)
        of_name.setdefault(_file_name(source), []).append(row)
        if kept[row]:
            kept_of.setdefault((groups[row], label), []).append(row)
    chosen: set[int] = set()
    known = {label.casefold() for label in labels}
    for number, fields in lists.rows_of(lists.lines_of(path), path):
        if len(fields) != 2 or not all(fields):
            raise DataError(
                f"{path}, line {number}: {', '.join(fields)!r} is not label<TAB>file name; "
                "give both"
            )
        label, name = map(normal, fields)
        found = named.get((label.casefold(), _file_name(name)), [])
        if not found:
            # relabelled or excluded since: the file is the same
            alike = of_name.get(_file_name(name), [])
            found = [row for row in alike if label.casefold() in _folders(sources[row])]
            if not found and label.casefold() not in known:
                found = alike  # its class was renamed
        if "/" in name:
            wanted = f"/{name}".casefold()
            found = [row for row in found if f"/{normal(sources[row])}".casefold().endswith(wanted)]
        if not found:
            raise DataError(
                f"{path}, line {number}: no usable image {name!r} in class {label!r}; "
                "take the line out, or see data/manifest.csv"
            )
        if len({groups[row] for row in found}) > 1:
            raise DataError(
                f"{path}, line {number}: {name!r} names {len(found)} images, "
                f"{sources[found[0]]} and others: give more of the path"
            )
        own = [row for row in found if kept[row]]
        chosen.update(own or kept_of.get((groups[found[0]], labels[found[0]]), []))
    if not chosen:
        raise DataError(f"{path}: names no image; write a line for each: label<TAB>file name")
    return {digests[row] for row in chosen}


def _folders(source: str) -> tuple[str, ...]:
    return PurePosixPath(normal(source).casefold()).parent.parts


def _file_name(source: str) -> str:
    return normal(PurePosixPath(source).name).casefold()
