"""Label fixes and test lists: files in git beside the code, one per data set.

``annotations/<data set>.csv`` has one row per act, appended, the last one for an image wins:
``sha256, label, note, annotator, time``. A label of ``exclude`` leaves the image out; an empty
one takes the earlier acts back.
"""

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

    Its rows are ``label<TAB>file name``, matched without regard to case. A row that names a
    dropped duplicate stands for the image that was kept in its place.

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
    by_name = {
        (label.casefold(), PurePosixPath(source).name.casefold()): (group, label)
        for label, source, group in zip(
            curated["label"], curated["source"], curated["group"], strict=True
        )
    }
    kept = curated[curated["kept"]]
    digests: set[str] = set()
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        label, tab, name = line.partition("\t")
        if not tab:
            raise DataError(f"{path}, line {number}: {line!r} is not label<TAB>file name")
        found = by_name.get((label.strip().casefold(), name.strip().casefold()))
        if found is None:
            raise DataError(
                f"{path}, line {number}: no image {name.strip()!r} in class {label.strip()!r}"
            )
        names = kept["source"].map(lambda source: PurePosixPath(source).name.casefold())
        same = kept[(kept["group"] == found[0]) & (kept["label"] == found[1])]
        exact = same[names[same.index] == name.strip().casefold()]
        digests |= set((exact if len(exact) else same)["sha256"])
    return digests
