"""Label fixes: a file in git beside the code, one per data set.

``annotations/<data set>.csv`` has one row per act, appended, the last one for an image wins:
``sha256, label, note, annotator, time``. The digest is that of the file as it came, so that an
act outlives another ``acquire.max_side``. A label of ``exclude`` leaves the image out; an empty
one takes the earlier acts back. The last act is that with the latest time, not the last row, so
that files which two people appended to may be merged in any order.

``annotations/<data set>.classes.txt`` names classes that no folder of the source has, one a line.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from swatchbook.base import files, lists
from swatchbook.base.errors import DataError, did_you_mean
from swatchbook.base.text import normal
from swatchbook.curation import acts_file

FOLDER = Path("annotations")
EXCLUDE = "exclude"
_SHORTEST_PREFIX = 4


def path_of(data_set: str) -> Path:
    """The file of acts on ``data_set``."""
    return FOLDER / f"{data_set}.csv"


def read(data_set: str) -> pd.DataFrame:
    """All acts on ``data_set`` in the file's order; none where the file doesn't exist yet."""
    acts = acts_file.read(path_of(data_set))
    return acts.assign(label=acts["label"].map(normal))


def new_classes(data_set: str) -> list[str]:
    """Classes that a person made: ``annotations/<data set>.classes.txt``, where there is one."""
    path = _classes_path(data_set)
    lines = lists.lines_of(path) if path.exists() else []
    return [normal(line.strip()) for line in lines if line.strip()]


def add_class(data_set: str, label: str) -> Path:
    """Make a class that no folder of the source has; return its file."""
    path = _classes_path(data_set)
    names = sorted({*new_classes(data_set), normal(label)})
    files.write_bytes(path, ("\n".join(names) + "\n").encode())
    return path


def classes(usable: pd.DataFrame, data_set: str) -> set[str]:
    """Those of the usable images of the source, and those that a person made."""
    return {*usable["label"], *new_classes(data_set)}


def append(data_set: str, labels: Mapping[str, str], note: str, annotator: str) -> Path:
    """Add an act for each file (by its full digest) of ``labels``; return the annotations' file.

    Two writers at once wait for each other, and a killed one leaves the file as it was.
    """
    path = path_of(data_set)
    with acts_file.locked(path):
        acts_file.append(path, labels, note, annotator)
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


def find(manifest: pd.DataFrame, name: str) -> str:
    """The digest of the usable image that ``name`` means: the beginning of its digest, its path
    in the store, or its name inside the source.

    Raises:
        DataError: where it means none, or several.
    """
    usable = manifest[manifest["status"] == "ok"]
    named = (usable["path"] == name) | (usable["source"].map(normal) == normal(name))
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
        raise DataError(
            f"{name!r} is no usable image ({refused['reason'].iloc[0]}), and needs no act"
        )
    raise DataError(
        f"no image {name!r} in data/manifest.csv: give at least {_SHORTEST_PREFIX} digits of its "
        f"sha256, its path or its name in the source.{did_you_mean(name, usable['source'])}"
    )


def check_class(manifest: pd.DataFrame, label: str, data_set: str) -> str:
    """``label`` in the form that the project knows. Raises DataError where it knows none."""
    known = sorted(classes(manifest[manifest["status"] == "ok"], data_set))
    if normal(label) not in known:
        raise DataError(
            f"class {label!r} is not known.{did_you_mean(label, known)} "
            f"Known: {', '.join(known)}. To make a new one: --new-class"
        )
    return normal(label)


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

    An act that names a class which is no longer there gives none: see ``unknown``.

    Raises:
        DataError: where the source has a class of the name that excludes, or a row no digest.
    """
    known = classes(manifest, data_set)
    if EXCLUDE in known:
        raise DataError(
            f"a class can't be called {EXCLUDE!r}: annotations use it; rename its folder"
        )
    for number, sha256 in enumerate(acts["sha256"], start=2):
        if not re.fullmatch("[0-9a-f]{64}", sha256):
            raise DataError(
                f"{FOLDER}/{data_set}.csv, line {number}: {sha256!r} is no digest: "
                "64 digits of 0-9 and a-f, as in data/manifest.csv"
            )
    last = latest(on_images(acts, manifest))["label"]
    last = last[last.isin({*known, EXCLUDE})]
    return manifest.assign(annotated=manifest["sha256"].map(last).fillna(""))


def unknown(manifest: pd.DataFrame, acts: pd.DataFrame, data_set: str) -> list[str]:
    """A sentence for each act in force that names a class which is no longer there, and a cure."""
    known = classes(manifest, data_set)
    lines = acts.assign(line=[str(number) for number in range(2, len(acts) + 2)])
    said = []
    for sha256, act in latest(on_images(lines, manifest)).sort_values("line").iterrows():
        own = manifest.loc[manifest["sha256"] == sha256, "label"]
        if act["label"] in {"", EXCLUDE, *known} or own.empty:
            continue
        said.append(
            f"{FOLDER}/{data_set}.csv, line {act['line']}: class {act['label']!r} is not there."
            f"{did_you_mean(act['label'], known)} {str(sha256)[:16]} counts as "
            f"{own.iloc[0]!r}; swatchbook annotate relabel {str(sha256)[:16]} --label CLASS, "
            "or annotate undo"
        )
    return said


def _classes_path(data_set: str) -> Path:
    return FOLDER / f"{data_set}.classes.txt"
