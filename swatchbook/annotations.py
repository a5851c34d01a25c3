"""Label fixes and test lists: files in git beside the code, one per data set.

``annotations/<data set>.csv`` has one row per act, appended, the last one for an image wins:
``sha256, label, note, annotator, time``. A label of ``exclude`` leaves the image out; an empty
one takes the earlier acts back.
"""

import re
from pathlib import Path, PurePosixPath

import pandas as pd

from swatchbook.errors import DataError, did_you_mean
from swatchbook.tables import Table

FOLDER = Path("annotations")
EXCLUDE = "exclude"


def read(data_set: str) -> pd.DataFrame:
    """All acts on ``data_set`` in order; none where the file doesn't exist yet."""
    table = Table(FOLDER / f"{data_set}.csv", {"sha256": "str", "label": "str"})
    if not table.path.exists():
        return pd.DataFrame(columns=list(table.columns), dtype=str)
    return table.read()


def apply(manifest: pd.DataFrame, acts: pd.DataFrame, data_set: str) -> pd.DataFrame:
    """Add the column ``annotated``: the label that the last act on each image gave, or nothing.

    Raises:
        DataError: where an act names a class that no image of the source has.
    """
    classes = set(manifest["label"])
    if EXCLUDE in classes:
        raise DataError(
            f"a class can't be called {EXCLUDE!r}: annotations use it; rename its folder"
        )
    for number, sha256 in enumerate(acts["sha256"], start=2):
        if not re.fullmatch("[0-9a-f]{64}", sha256):
            raise DataError(
                f"{FOLDER}/{data_set}.csv, line {number}: {sha256!r} is no digest: "
                "64 digits of 0-9 and a-f, as in data/manifest.csv"
            )
    for number, label in enumerate(acts["label"], start=2):
        if label and label != EXCLUDE and label not in classes:
            raise DataError(
                f"{FOLDER}/{data_set}.csv, line {number}: class {label!r} is not known."
                f"{did_you_mean(label, classes)} Known: {', '.join(sorted(classes))}"
            )
    last = acts.drop_duplicates("sha256", keep="last").set_index("sha256")["label"]
    return manifest.assign(annotated=manifest["sha256"].map(last).fillna(""))


def test_list(data_set: str, curated: pd.DataFrame) -> set[str]:
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
