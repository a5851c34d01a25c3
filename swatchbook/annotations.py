"""Label fixes: a file in git beside the code, one per data set.

``annotations/<data set>.csv`` has one row per act, appended, the last one for an image wins:
``sha256, label, note, annotator, time``. The digest is that of the file as it came, so that an
act outlives another ``acquire.max_side``. A label of ``exclude`` leaves the image out; an empty
one takes the earlier acts back. The last act is that with the latest time, not the last row, so
that files which two people appended to may be merged in any order.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

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


def append(data_set: str, labels: Mapping[str, str], note: str, annotator: str) -> Path:
    """Add an act for each file (by its full digest) of ``labels``; return the annotations' file.

    Two writers at once wait for each other, and a killed one leaves the file as it was.
    """
    path = FOLDER / f"{data_set}.csv"
    # beside the file, so that all who can write it meet, whatever their caches
    with files.locked(path.with_name(f".{path.name}.lock"), f"{path} is being written", wait=True):
        before = read(data_set)
        now = _later_than(before["time"].max() if len(before) else "")
        rows = [(sha256, label, note, annotator, now) for sha256, label in labels.items()]
        acts = pd.concat([before, pd.DataFrame(rows, columns=list(_COLUMNS))]).fillna("")
        Table(path, _COLUMNS).write(acts, tuple(str(name) for name in acts if name not in _COLUMNS))
    return path


def on_images(acts: pd.DataFrame, manifest: pd.DataFrame) -> pd.DataFrame:
    """``acts`` with the digests of the stored images in place of those of the files."""
    images = dict(zip(manifest["file_sha256"], manifest["sha256"], strict=True))
    return acts.assign(sha256=[images.get(digest, digest) for digest in acts["sha256"]])


def on_files(labels: Mapping[str, str], manifest: pd.DataFrame) -> dict[str, str]:
    """``labels`` by the digests of the files in place of those of the stored images."""
    rows = manifest.drop_duplicates("sha256")
    came = dict(zip(rows["sha256"], rows["file_sha256"], strict=True))
    return {came.get(digest, digest): label for digest, label in labels.items()}


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
        named |= usable["file_sha256"].str.startswith(name.lower())
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


def check_class(manifest: pd.DataFrame, label: str) -> None:
    """Raise DataError where no usable image has the class ``label``."""
    classes = sorted(set(manifest.loc[manifest["status"] == "ok", "label"]))
    if label not in classes:
        raise DataError(
            f"class {label!r} is not known.{did_you_mean(label, classes)} "
            f"Known: {', '.join(classes)}"
        )


def label_of(manifest: pd.DataFrame, acts: pd.DataFrame, sha256: str) -> str:
    """The label that a stored image has now; ``acts`` are on images (``on_images``).

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
    last = latest(on_images(acts, manifest))["label"]
    return manifest.assign(annotated=manifest["sha256"].map(last).fillna(""))
