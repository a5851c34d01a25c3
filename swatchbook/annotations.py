"""Label fixes and test lists: files in git beside the code, one per data set.

``annotations/<data set>.csv`` has one row per act, appended, the last one for an image wins:
``sha256, label, note, annotator, time``. A label of ``exclude`` leaves the image out; an empty
one takes the earlier acts back. The last act is that with the latest time, not the last row, so
that files which two people appended to may be merged in any order.
"""

import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import pandas as pd

from swatchbook import files
from swatchbook.errors import DataError, did_you_mean
from swatchbook.tables import Table

FOLDER = Path("annotations")
EXCLUDE = "exclude"
_COLUMNS = dict.fromkeys(("sha256", "label", "note", "annotator", "time"), "str")
_SHORTEST_PREFIX = 4


def read(data_set: str) -> pd.DataFrame:
    """All acts on ``data_set`` in the file's order; none where the file doesn't exist yet."""
    path = FOLDER / f"{data_set}.csv"
    if not path.exists():
        return pd.DataFrame(columns=list(_COLUMNS), dtype=str)
    acts = Table(path, {"sha256": "str", "label": "str"}).read()
    # only the first two are needed in a file that a person writes, who may add others
    names = [*_COLUMNS, *(name for name in acts if name not in _COLUMNS)]
    return acts.reindex(columns=names, fill_value="").astype(str)


def append(data_set: str, images: Collection[str], label: str, note: str, annotator: str) -> Path:
    """Add an act on each of ``images`` (full digests); return the file.

    Two writers at once wait for each other, and a killed one leaves the file as it was.
    """
    path = FOLDER / f"{data_set}.csv"
    # beside the file, so that all who can write it meet, whatever their caches
    with files.locked(path.with_name(f".{path.name}.lock"), f"{path} is being written", wait=True):
        before = read(data_set)
        now = _later_than(before["time"].max() if len(before) else "")
        rows = [(sha256, label, note, annotator, now) for sha256 in images]
        acts = pd.concat([before, pd.DataFrame(rows, columns=list(_COLUMNS))]).fillna("")
        Table(path, _COLUMNS).write(acts, tuple(str(name) for name in acts if name not in _COLUMNS))
    return path


def latest(acts: pd.DataFrame) -> pd.DataFrame:
    """The last act on each image by time, with its digest as index; those without a time first."""
    timed = acts["time"] != ""
    ordered = acts[timed].sort_values(["time", "annotator", "label", "note"], kind="stable")
    every = pd.concat([acts[~timed], ordered])
    return every.drop_duplicates("sha256", keep="last").set_index("sha256")


def _later_than(last: str) -> str:
    """Now, or just after ``last`` where a clock that ran ahead wrote it: UTC as text."""
    now = datetime.now(UTC)
    try:
        earlier = datetime.fromisoformat(last)
    except ValueError:
        earlier = now
    if earlier.tzinfo and earlier >= now:
        now = earlier + timedelta(microseconds=1)
    return now.astimezone(UTC).isoformat(timespec="microseconds")


def find(manifest: pd.DataFrame, name: str) -> str:
    """The digest of the usable image that ``name`` means: the beginning of its digest, its path
    in the store, or its name inside the source.

    Raises:
        DataError: where it means none, or several.
    """
    usable = manifest[manifest["status"] == "ok"]
    named = (usable["path"] == name) | (usable["source"] == name)
    if re.fullmatch(f"[0-9a-fA-F]{{{_SHORTEST_PREFIX},64}}", name):
        named |= usable["sha256"].str.startswith(name.lower())
    found = sorted(set(usable.loc[named, "sha256"]))
    if len(found) == 1:
        return str(found[0])
    if found:
        raise DataError(
            f"{name!r} means {len(found)} images, {found[0][:16]}, {found[1][:16]}…: "
            "give more of it"
        )
    refused = manifest[manifest["source"] == name]
    if not refused.empty:
        raise DataError(f"{name!r} is no usable image: {refused['reason'].iloc[0]}")
    raise DataError(
        f"no image {name!r} in data/manifest.csv: give at least {_SHORTEST_PREFIX} digits of its "
        f"sha256, its path or its name in the source.{did_you_mean(name, usable['source'])}"
    )


def check_label(manifest: pd.DataFrame, label: str) -> None:
    """Raise DataError where no usable image has the class ``label``."""
    classes = sorted(set(manifest.loc[manifest["status"] == "ok", "label"]))
    if label not in classes:
        raise DataError(
            f"class {label!r} is not known.{did_you_mean(label, classes)} "
            f"Known: {', '.join(classes)}"
        )


def label_of(manifest: pd.DataFrame, acts: pd.DataFrame, sha256: str) -> str:
    """The label that an image has now.

    Raises:
        DataError: where its file stands in several classes and nobody has said which is right.
    """
    last = latest(acts)["label"].get(sha256, "")
    if last:
        return str(last)
    labels = sorted(set(manifest.loc[manifest["sha256"] == sha256, "label"]))
    if len(labels) > 1:
        raise DataError(
            f"{sha256[:16]} is in the classes {', '.join(labels)}: relabel it to the right one"
        )
    return str(labels[0])


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
    last = latest(acts)["label"]
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
